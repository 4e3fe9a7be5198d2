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
#include <sys/uio.h>

namespace rove::post {

namespace {

constexpr uint64_t of_home = 0, first_peer = 1;

} // namespace

Status Lines::begin() {
    ready_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    if (!ready_) return fail(errno, "cannot make an epoll descriptor");
    return {};
}

void Lines::watch(int fd, uint64_t what, uint32_t events, bool is_new) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = what;
    (void)::epoll_ctl(ready_.number(), is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
}

int Lines::descriptor() {
    if (shown_to_program_) return shown_to_program_.number();
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
    if (peer >= lines_.size()) lines_.resize(peer + 1);
    if (!socket || !mailbox_.line(peer, number, rights)) {
        ended_.push_back(number);
        return false;
    }
    if (lines_[peer].socket) close(peer);
    Line& line = lines_[peer];
    line = Line{std::move(socket), number};
    watch(line.socket.number(), peer + first_peer, EPOLLIN, true);
    signal_on(line.socket.number());
    if (++open_ > open_max) mailbox_.tire();
    push(peer);
    return true;
}

// The descriptor may be open elsewhere, too, so that closing it would leave it in the epoll set.
void Lines::close(Peer peer) {
    Line& line = lines_[peer];
    (void)::epoll_ctl(ready_.number(), EPOLL_CTL_DEL, line.socket.number(), nullptr);
    ended_.push_back(line.number);
    line = Line{};
    --open_;
}

void Lines::push(Peer peer) {
    if (peer >= lines_.size()) return;
    Line& line = lines_[peer];
    while (line.socket && !line.full && !line.broken && mailbox_.wants_to_write(peer)) {
        std::array<mailbox::Piece, 32> pieces;
        std::array<iovec, 32> parts;
        size_t count = mailbox_.gather(peer, pieces);
        if (count == 0) return;
        for (size_t i = 0; i < count; ++i)
            parts[i] = {const_cast<char*>(pieces[i].bytes), pieces[i].length};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = count;
        ssize_t sent = ::sendmsg(line.socket.number(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)) {
            line.full = true;
            watch(line.socket.number(), peer + first_peer, EPOLLIN | EPOLLOUT, false);
            return;
        }
        if (sent < 0) {
            line.broken = true;
            return;
        }
        mailbox_.written(peer, static_cast<size_t>(sent));
    }
    if (line.socket && mailbox_.over(peer)) {
        close(peer);
        mailbox_.lost(peer);
    }
}

void Lines::push_all() {
    for (Peer peer = 0; peer < lines_.size(); ++peer)
        push(peer);
}

void Lines::read(Peer peer) {
    // A message that is longer than a block is read to where it stays.
    for (int rounds = 0; rounds < 4 && lines_[peer].socket; ++rounds) {
        auto room = mailbox_.room(peer);
        bool direct = room.size() >= block_.size() / 4;
        char* to = direct ? room.data() : block_.data();
        size_t most = direct ? room.size() : block_.size();
        ssize_t got = ::recv(lines_[peer].socket.number(), to, most, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (got <= 0) {
            close(peer);
            mailbox_.lost(peer);
            return;
        }
        auto count = static_cast<size_t>(got);
        if (direct)
            mailbox_.filled(peer, count);
        else
            mailbox_.feed(peer, {to, count});
        if (mailbox_.over(peer)) {
            push(peer);
            if (!lines_[peer].socket) return;
            close(peer);
            mailbox_.lost(peer);
            return;
        }
        if (count < most) break;
    }
    push(peer);
}

Result<Lines::Ready> Lines::wait(Nanos timeout) {
    constexpr int64_t ms = 1000000, forever_ms = 1 << 30;
    int64_t wait_ms =
        timeout == Nanos::max() ? -1 : std::min((timeout.count() + ms - 1) / ms, forever_ms);
    std::array<epoll_event, 16> events;
    int count = ::epoll_wait(
        ready_.number(), events.data(), static_cast<int>(events.size()), static_cast<int>(wait_ms));
    if (count < 0) return fail(errno, "cannot wait");
    Ready ready;
    ready.count = count;
    for (int i = 0; i < count; ++i) {
        ready.of[i] = events[static_cast<size_t>(i)].data.u64;
        ready.events[i] = events[static_cast<size_t>(i)].events;
    }
    return ready;
}

bool Lines::serve(Ready const& ready) {
    bool home = false;
    for (int i = 0; i < ready.count; ++i) {
        if (ready.of[i] == of_home) home = true;
        if (ready.of[i] < first_peer) continue;
        auto peer = static_cast<Peer>(ready.of[i] - first_peer);
        if (peer >= lines_.size() || !lines_[peer].socket) continue;
        Line& line = lines_[peer];
        if ((ready.events[i] & EPOLLOUT) != 0 && line.full) {
            line.full = false;
            watch(line.socket.number(), peer + first_peer, EPOLLIN, false);
            push(peer);
        }
        if ((ready.events[i] & ~uint32_t{EPOLLOUT}) != 0 && lines_[peer].socket) read(peer);
    }
    return home;
}

void Lines::notify(int signal) {
    signal_ = signal;
    if (home_ >= 0) signal_on(home_);
    for (auto const& line : lines_)
        if (line.socket) signal_on(line.socket.number());
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
    lines_.clear();
    ready_.close();
    shown_to_program_.close();
    waiting_.close();
    open_ = 0;
    home_ = -1;
}

} // namespace rove::post
