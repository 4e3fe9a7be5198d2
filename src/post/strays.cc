// SPDX-License-Identifier: Apache-2.0
// Lines: carriers that have stayed behind where the process was. Home is asked for a way to them;
// the line goes on there, byte for byte.
#include <algorithm>

#include <sys/epoll.h>

#include "post/lines.hh"
#include "post/watching.hh"

namespace rove::post {

void Lines::seek(Carrier& carrier) {
    if (!carrier.astray()) return;
    if (std::find(sought_.begin(), sought_.end(), carrier.ticket()) != sought_.end()) return;
    sought_.push_back(carrier.ticket());
    strays_.push_back(carrier.ticket());
}

void Lines::seek_again() {
    strays_ = sought_;
    for (auto& line : lines_)
        line.uses = 0;
}

void Lines::followed(uint64_t ticket, Fd socket) {
    std::erase(sought_, ticket);
    for (Peer peer = 0; peer < lines_.size(); ++peer) {
        Line& line = lines_[peer];
        bool of_carrier = line.carrier.ticket() == ticket;
        if (ticket == 0 || (!of_carrier && line.next.ticket() != ticket)) continue;
        if (!socket) return lose(peer);
        Carrier& carrier = of_carrier ? line.carrier : line.next;
        carrier.follow(std::move(socket));
        uint64_t what = (peer + first_peer) | (of_carrier ? 0 : of_next);
        bool ours = of_carrier ? !line.read_out : !line.heard;
        if (!of_carrier || !line.read_out)
            watch(carrier.number(), what, ours ? uint32_t{EPOLLIN} : 0, true);
        signal_on(carrier.number());
        line.uses = 0;
        line.full = false;
        look_at_next(peer);
        if (lines_[peer].carrier) (void)read(peer);
        return;
    }
}

// What the program polls is polled at home.
void Lines::keep_to_home() {
    if (std::exchange(keeps_to_home_, true)) return;
    for (auto& line : lines_)
        for (Carrier* carrier : {&line.carrier, &line.next}) {
            carrier->leave();
            seek(*carrier);
        }
}

} // namespace rove::post
