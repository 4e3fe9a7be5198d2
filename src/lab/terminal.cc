// SPDX-License-Identifier: Apache-2.0
// Terminal: a relayed terminal, for a command that runs in a node.
#include "lab/terminal.hh"

#include <cstdlib>
#include <string_view>

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace rove::lab {

namespace {

// Where the outer terminal is written to: a redirected standard output is not it.
int outer() {
    return ::isatty(1) ? 1 : ::isatty(2) ? 2 : 0;
}

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        ssize_t count = ::write(fd, text.data(), text.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) {
            pollfd wait{fd, POLLOUT, 0};
            (void)::poll(&wait, 1, -1);
            continue;
        }
        if (count < 0) return;
        text.remove_prefix(static_cast<size_t>(count));
    }
}

} // namespace

Result<Terminal> Terminal::open() {
    Terminal terminal;
    if (::tcgetattr(0, &terminal.cooked_) < 0)
        return fail(errno, "cannot read the terminal's modes");
    terminal.master_ = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    char name[128];
    if (!terminal.master_ || ::grantpt(terminal.master()) < 0 ||
        ::unlockpt(terminal.master()) < 0 || ::ptsname_r(terminal.master(), name, sizeof name) != 0)
        return fail(errno, "cannot make a terminal");
    terminal.slave_ = Fd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!terminal.slave_) return fail(errno, "cannot open the terminal {}", name);
    (void)::tcsetattr(terminal.slave_.number(), TCSANOW, &terminal.cooked_);
    (void)::fcntl(terminal.master(), F_SETFL, O_RDWR | O_NONBLOCK);
    terminal.copy_size();
    return terminal;
}

void Terminal::adopt() {
    (void)::ioctl(slave_.number(), TIOCSCTTY, 0);
    bool out = ::isatty(1), err = ::isatty(2);
    (void)::dup2(slave_.number(), 0);
    if (out) (void)::dup2(slave_.number(), 1);
    if (err) (void)::dup2(slave_.number(), 2);
    raw_ = false;
}

bool Terminal::in_foreground() const {
    return ::tcgetpgrp(0) == ::getpgrp();
}

void Terminal::make_raw() {
    if (raw_) return;
    // What the user's shell has set since we were in the background is what to go back to.
    (void)::tcgetattr(0, &cooked_);
    termios modes = cooked_;
    ::cfmakeraw(&modes);
    raw_ = ::tcsetattr(0, TCSADRAIN, &modes) == 0;
}

void Terminal::cook() {
    if (!raw_) return;
    (void)::tcsetattr(0, TCSADRAIN, &cooked_);
    raw_ = false;
}

void Terminal::copy_size() {
    winsize size{};
    if (::ioctl(0, TIOCGWINSZ, &size) == 0) (void)::ioctl(master(), TIOCSWINSZ, &size);
}

void Terminal::take_input() {
    char part[4096];
    ssize_t count = ::read(0, part, sizeof part);
    if (count > 0)
        typed_.append(part, static_cast<size_t>(count));
    else if (count == 0 || (errno != EINTR && errno != EAGAIN))
        input_ended_ = true;
}

void Terminal::pass_input() {
    ssize_t count = ::write(master(), typed_.data(), typed_.size());
    if (count > 0)
        typed_.erase(0, static_cast<size_t>(count));
    else if (errno != EAGAIN && errno != EINTR)
        typed_.clear();
}

bool Terminal::pass_output() {
    char part[16384];
    ssize_t count = ::read(master(), part, sizeof part);
    if (count > 0) write_all(outer(), std::string_view(part, static_cast<size_t>(count)));
    return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

void Terminal::drain() {
    // What was written reaches this side a moment later, by a kernel worker. When all have closed
    // the terminal the end can be seen; when a background process keeps it, silence must do.
    constexpr int silence_ms = 50;
    pollfd wait{master(), POLLIN, 0};
    while (::poll(&wait, 1, silence_ms) > 0 && pass_output()) {
    }
}

} // namespace rove::lab
