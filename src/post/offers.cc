// SPDX-License-Identifier: Apache-2.0
// Lines: going over to a better carrier, at a byte.
//
// Each side says one byte on the next one. Who has heard the other's ends the old one and writes
// on, on the next; who has read the old one to its end reads on there. From its own word on a side
// must take part, since the other may have gone over already: so it says it on one carrier at a
// time, and lets go of that one only if it ends before the other's word.
#include <algorithm>
#include <cerrno>

#include <sys/epoll.h>

#include "post/lines.hh"
#include "post/watching.hh"

namespace rove::post {

void Lines::offer(Peer peer, uint64_t number, Carrier carrier) {
    bool has_line = peer < lines_.size() && lines_[peer].carrier;
    bool may_take =
        carrier && has_line && !mailbox_.finishing() && (!keeps_to_home_ || carrier.ticket() == 0);
    char const word = '+';
    mailbox::Piece const piece{&word, 1};
    if (!may_take || lines_[peer].next || number <= lines_[peer].number ||
        carrier.send({&piece, 1}) != 1) {
        ended_.push_back({number, carrier.ticket()});
        if (has_line) lines_[peer].uses = 0; // what is offered again may do
        return;
    }
    Line& line = lines_[peer];
    line.next = std::move(carrier);
    line.next_number = number;
    watch_next(peer, EPOLLIN, true);
    look_at_next(peer);
}

void Lines::watch_next(Peer peer, uint32_t events, bool is_new) {
    Carrier const& next = lines_[peer].next;
    if (next.ticket() == 0) watch(next.number(), (peer + first_peer) | of_next, events, is_new);
}

// Only where the other side has not gone over to it.
void Lines::drop_next(Peer peer) {
    Line& line = lines_[peer];
    unwatch(line.next);
    ended_.push_back({line.next_number, line.next.ticket()});
    line.next.close();
    line.heard = false;
    line.uses = 0;
    if (line.read_out) lose(peer);
}

void Lines::look_at_next(Peer peer) {
    Line& line = lines_[peer];
    if (!line.next || line.over) return;
    char word = 0;
    ssize_t got = line.heard ? 1 : line.next.receive(&word, 1);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return seek(line.next);
    if (got != 1 || (!line.heard && word != '+')) return drop_next(peer);
    line.heard = true;
    watch_next(peer, 0, false);
    // Bytes that the old one did not take may be lost with it: nothing can go on after them.
    if (line.broken) return lose(peer);
    if (!line.carrier.end()) {
        if (!line.carrier.astray()) return lose(peer);
        return seek(line.carrier);
    }
    line.over = true;
    line.full = false;
    if (line.read_out) go_over(peer);
    push(peer);
}

void Lines::go_over(Peer peer) {
    Line& line = lines_[peer];
    unwatch(line.carrier);
    ended_.push_back({line.number, line.carrier.ticket()});
    line.carrier = std::move(line.next);
    line.number = line.next_number;
    line.heard = line.over = line.read_out = false;
    line.uses = 0;
    uint32_t events = line.full ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (line.carrier.ticket() != 0) return;
    watch(line.carrier.number(), peer + first_peer, events, false);
    signal_on(line.carrier.number());
}

void Lines::serve_next(Peer peer, uint32_t events) {
    Line& line = lines_[peer];
    if (!line.over) return look_at_next(peer);
    // That it has broken is seen when it is read; epoll would say so all the time.
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) unwatch(line.next);
    if (!line.full) return;
    line.full = false;
    watch_next(peer, 0, false);
    push(peer);
}

} // namespace rove::post
