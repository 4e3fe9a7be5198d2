// SPDX-License-Identifier: Apache-2.0
// Lines: see lines.hh.
#include "post/lines.hh"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "post/watching.hh"

namespace rove::post {

Status Lines::begin() {
    ready_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!ready_) return fail(errno, "cannot make an epoll descriptor");
    return {};
}

void Lines::watch(int fd, uint64_t what, uint32_t events, bool is_new) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = what;
    if (is_new || ::epoll_ctl(ready_.number(), EPOLL_CTL_MOD, fd, &event) != 0)
        (void)::epoll_ctl(ready_.number(), EPOLL_CTL_ADD, fd, &event);
}

int Lines::descriptor() {
    if (shown_to_program_) return shown_to_program_.number();
    keep_to_home();
    shown_to_program_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    waiting_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    epoll_event event{};
    event.events = EPOLLIN;
    for (int part : {ready_.number(), waiting_.number()})
        if (::epoll_ctl(shown_to_program_.number(), EPOLL_CTL_ADD, part, &event) != 0)
            shown_to_program_.close();
    return shown_to_program_.number();
}

void Lines::show_waiting(bool yes) {
    if (!waiting_ || yes == shown_) return;
    shown_ = yes;
    uint64_t one = 1;
    if (yes)
        (void)!::write(waiting_.number(), &one, sizeof one);
    else
        (void)!::read(waiting_.number(), &one, sizeof one);
}

void Lines::watch_home(int fd) {
    home_ = fd;
    if (fd < 0) return;
    watch(fd, of_home, EPOLLIN, true);
    signal_on(fd);
}

bool Lines::give(Peer peer, uint64_t number, mailbox::Rights rights, Fd socket) {
    if (!socket || !mailbox_.line(peer, number, rights)) {
        ended_.push_back({number, 0});
        return false;
    }
    if (peer >= lines_.size()) lines_.resize(peer + 1);
    if (lines_[peer].carrier) close(peer);
    Line& line = lines_[peer];
    line.carrier = Carrier(std::move(socket));
    line.number = number;
    watch(line.carrier.number(), peer + first_peer, EPOLLIN, true);
    signal_on(line.carrier.number());
    if (++open_ > open_max) mailbox_.tire();
    push(peer);
    return true;
}

// The descriptor may be open elsewhere, too, so that closing it would leave it in the epoll set.
void Lines::unwatch(Carrier const& carrier) {
    if (carrier.ticket() == 0)
        (void)::epoll_ctl(ready_.number(), EPOLL_CTL_DEL, carrier.number(), nullptr);
}

void Lines::close(Peer peer) {
    Line& line = lines_[peer];
    unwatch(line.carrier);
    ended_.push_back({line.number, line.carrier.ticket()});
    if (line.next) {
        unwatch(line.next);
        ended_.push_back({line.next_number, line.next.ticket()});
    }
    line = Line{};
    --open_;
}

void Lines::lose(Peer peer) {
    close(peer);
    mailbox_.lost(peer);
}

// Said once, when it is clear that this is more than a word now and then. What goes by a ticket is
// where the process is.
void Lines::count_use(Peer peer) {
    constexpr uint32_t worth_it = 4;
    Line& line = lines_[peer];
    if (++line.uses == worth_it && !line.next && line.carrier.ticket() == 0)
        used_.push_back({line.number, peer});
}

void Lines::await_room(Peer peer) {
    Line& line = lines_[peer];
    line.full = true;
    favourite_ = peer;
    if (line.over)
        watch_next(peer, EPOLLOUT, false);
    else if (line.carrier.ticket() == 0 && !line.read_out)
        watch(line.carrier.number(), peer + first_peer, EPOLLIN | EPOLLOUT, false);
}

void Lines::push(Peer peer) {
    if (peer >= lines_.size()) return;
    Line& line = lines_[peer];
    while (line.carrier && !line.full && !line.broken && mailbox_.wants_to_write(peer)) {
        std::array<mailbox::Piece, 32> pieces;
        size_t count = mailbox_.gather(peer, pieces);
        if (count == 0) return;
        ssize_t sent = line.written().send(std::span(pieces).first(count));
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
            seek(line.written());
            return await_room(peer);
        }
        if (sent < 0) {
            line.broken = true;
            return;
        }
        count_use(peer);
        line.unheard += static_cast<uint64_t>(sent);
        mailbox_.written(peer, static_cast<size_t>(sent));
    }
    if (line.carrier && mailbox_.over(peer)) lose(peer);
}

void Lines::push_all() {
    for (Peer peer = 0; peer < lines_.size(); ++peer)
        push(peer);
}

bool Lines::read(Peer peer) {
    bool something = false;
    // Of a long message the bytes are read to where they stay, if its head has come before them: so
    // where long ones come, heads are read alone.
    for (int rounds = 0; rounds < 8 && lines_[peer].carrier && !lines_[peer].read_out; ++rounds) {
        auto room = mailbox_.room(peer);
        bool direct = room.size() >= long_message;
        bool head_only = lines_[peer].long_ones && room.empty();
        char* to = direct ? room.data() : block_.data();
        size_t most = direct ? room.size() : head_only ? sizeof(mailbox::FrameHead) : block_.size();
        ssize_t got = lines_[peer].carrier.receive(to, most);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            seek(lines_[peer].carrier);
            break;
        }
        something = true;
        if (got < 0 || (got == 0 && !lines_[peer].next)) {
            lose(peer);
            return true;
        }
        if (got == 0) {
            lines_[peer].read_out = true;
            unwatch(lines_[peer].carrier);
            lines_[peer].over ? go_over(peer) : look_at_next(peer);
            continue;
        }
        favourite_ = peer;
        count_use(peer);
        auto count = static_cast<size_t>(got);
        if (direct)
            mailbox_.filled(peer, count);
        else
            mailbox_.feed(peer, {to, count});
        lines_[peer].unheard = 0;
        lines_[peer].long_ones = direct || mailbox_.room(peer).size() >= long_message;
        if (mailbox_.over(peer)) {
            push(peer);
            if (lines_[peer].carrier) lose(peer);
            return true;
        }
        if (count < most || mailbox_.has_filled_room()) break;
    }
    push(peer);
    return something;
}

void Lines::hear(Peer peer) {
    uint64_t const acks = is_near(peer) ? mailbox::idle_acks_in_window : mailbox::acks_in_window;
    if (peer >= lines_.size() || lines_[peer].unheard < mailbox::default_window / acks) return;
    lines_[peer].unheard = 0;
    if (lines_[peer].carrier && !lines_[peer].read_out) (void)read(peer);
}

void Lines::acknowledge() {
    if (!is_near(favourite_)) return;
    mailbox_.acknowledge(favourite_);
    push(favourite_);
}

bool Lines::has_favourite() const {
    if (favourite_ >= lines_.size()) return false;
    Line const& line = lines_[favourite_];
    bool full = line.full && line.carrier.ticket() == 0; // it takes too long
    return line.carrier && !line.carrier.astray() && !line.next && !line.read_out && !full;
}

bool Lines::glance() {
    if (!has_favourite()) return false;
    Line& line = lines_[favourite_];
    if (!line.full) return read(favourite_);
    line.full = false;
    push(favourite_);
    bool const went_on = favourite_ >= lines_.size() || !lines_[favourite_].full;
    return went_on || read(favourite_);
}

void Lines::notify(int signal) {
    signal_ = signal;
    if (signal != 0) keep_to_home();
    if (home_ >= 0) signal_on(home_);
    for (auto const& line : lines_)
        if (line.carrier && line.carrier.ticket() == 0) signal_on(line.carrier.number());
}

void Lines::signal_on(int fd) const {
    int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || (signal_ == 0 && (flags & O_ASYNC) == 0)) return;
    if (signal_ != 0) {
        (void)::fcntl(fd, F_SETOWN, ::getpid());
        (void)::fcntl(fd, F_SETSIG, signal_);
    }
    (void)::fcntl(fd, F_SETFL, signal_ != 0 ? flags | O_ASYNC : flags & ~O_ASYNC);
}

void Lines::abandon() {
    for (auto& line : lines_) {
        line.carrier.forget();
        line.next.forget();
    }
    lines_.clear();
    ready_.close();
    shown_to_program_.close();
    waiting_.close();
    open_ = 0;
    home_ = -1;
}

} // namespace rove::post
