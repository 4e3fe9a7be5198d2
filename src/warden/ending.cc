// SPDX-License-Identifier: Apache-2.0
// Ending: of a guest by itself, and of its warden with it, of which home hears first.
#include <algorithm>

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/log.hh"
#include "base/units.hh"
#include "sys/cgroup.hh"
#include "sys/process.hh"
#include "warden/household.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::SessionType;

void Warden::end(std::string const& why) {
    if (ended_) return;
    ended_ = true;
    leave_group();
    household_.leave_turn(*this);
    // Children come and go too often to be told of each.
    if (born_)
        LOG(debug, "{}: ends: {}", stage_name(stage_), why);
    else
        LOG(note, "{}: ends: {}", stage_name(stage_), why);
    if (!guest_) return farewell(why);
    (void)guest_->signal(SIGKILL);
    if (holder_) (void)sys::pidfd_send_signal(holder_->pidfd(), SIGKILL);
    // Reaped first, so that its memory and links are gone when we say so.
    loop_.watch(guest_->pidfd(), POLLIN, [this, why](short) {
        loop_.unwatch(guest_->pidfd());
        (void)waitpid(guest_->pid(), nullptr, __WALL);
        if (!holder_ || stage_ == Stage::kept) return farewell(why);
        // It is the last in that memory.
        loop_.watch(holder_->pidfd(), POLLIN, [this, why](short) {
            loop_.unwatch(holder_->pidfd());
            give_up_holder(0);
            farewell(why);
        });
    });
}

void Warden::farewell(std::string const& why) {
    tell_daemon(stage_ >= Stage::ready ? "left" : "failed", why);
    finished_ = !control_;
    if (finished_) return;
    // Closing with input unread would reset the connection, and our last words might be lost with
    // it.
    (void)shutdown(control_.number(), SHUT_WR);
    loop_.watch(control_.number(), POLLIN, [this](short) {
        char rest[4096];
        ssize_t got = recv(control_.number(), rest, sizeof rest, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) finished_ = true;
    });
    (void)loop_.after(std::chrono::milliseconds(300), [this] { finished_ = true; });
}

void Warden::guest_ended() {
    loop_.unwatch(guest_->pidfd());
    siginfo_t info{};
    (void)waitid(P_PIDFD, static_cast<id_t>(guest_->pidfd()), &info, WEXITED | WNOHANG | __WALL);
    wire::Trouble message;
    message.guest_ended = 1;
    message.signal = info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED ? info.si_status : 0;
    message.text = message.signal != 0
                       ? fmt::format("the guest was ended by signal {}", message.signal)
                       : "the guest has ended";
    if (message.signal == SIGKILL && killed_for_memory()) {
        message.reason = "host_memory";
        message.text = order_.memory_limit != 0
                           ? fmt::format("guests on {} may use {} of memory together "
                                         "(guests.memory), and it grew beyond that",
                                 order_.node, print_size(order_.memory_limit))
                           : fmt::format("{} has run out of memory", order_.node);
    }
    if (!born_) LOG(note, "{}: {}", stage_name(stage_), message.text);
    if (control_ && !last_wanted_) (void)send(SessionType::trouble, message);
    // Without a steward home learns it from the links.
    if (!may_be_committed(stage_) || !control_) return end(message.text);
    enter(Stage::over);
    leave_group();
    over_since_ = monotonic_now();
    if (!last_wanted_) return;
    if (auto sent = send_commons(*std::exchange(last_wanted_, {})); !sent)
        trouble("", sent.error());
}

bool Warden::killed_for_memory() const {
    return std::any_of(
        order_.cgroups.begin(), order_.cgroups.end(), [](std::string const& directory) {
            return sys::Cgroup::killed_for_memory(directory).value_or(0) != 0;
        });
}

} // namespace rove::warden
