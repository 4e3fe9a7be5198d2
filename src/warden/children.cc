// SPDX-License-Identifier: Apache-2.0
// Children: processes that a guest makes here. The steward at home offers links ahead, each with
// the session that its user will have; a guest that forks takes one, and its child begins with a
// warden of its own.
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>

#include "base/log.hh"
#include "sys/files.hh"
#include "sys/sockets.hh"
#include "warden/household.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::SessionType;

namespace {
constexpr size_t spares_max = 64;
// Most children that execute something else end here within that time: the daemon need not know.
constexpr Nanos unknown_for = std::chrono::milliseconds(100);
} // namespace

Status Warden::expect_child(wire::SpareOffer offered) {
    if (offered.token.size() != sizeof wire::Hello::token || offered.session.empty() ||
        offered.session.size() > 64 || offered.session.find('/') != std::string::npos)
        return fail(EBADMSG, "a spare with a token of {} bytes", offered.token.size());
    if (spares_.size() >= spares_max) spares_.erase(spares_.begin()); // long taken, or lost
    auto& spare = spares_[offered.id];
    spare.token = std::move(offered.token);
    spare.session = std::move(offered.session);
    offer();
    return {};
}

bool Warden::has_spare(wire::Hello const& hello) const {
    return std::any_of(spares_.begin(), spares_.end(),
        [&](auto const& each) { return check_token(hello, each.second.token); });
}

// When all that belongs to the spare has come.
void Warden::offer_child() {
    auto spare = spares_.find(asked_->slot);
    if (spare == spares_.end() || spare->second.token.empty() || !spare->second.link) return;
    auto pid = static_cast<pid_t>(asked_->value);
    if (!household_.take_turn(*this, pid)) return;
    household_.free_number(pid);
    auto child = bear(pid, spare->second);
    spares_.erase(spare);
    if (!child) {
        LOG(warn, "no warden for a child: {}", child.error().sentence());
        return answer_guest(-child.error().code, {});
    }
    if (auto numbered = number_next(pid); !numbered) {
        LOG(warn, "{}", numbered.error().sentence());
        return answer_guest(-numbered.error().code, {});
    }
    answer_guest(0, {(*child)->links_[0].number(), (*child)->unborn_theirs_.number()});
    (*child)->unborn_theirs_.close();
    household_.add(std::move(*child));
}

Result<std::unique_ptr<Warden>> Warden::bear(pid_t pid, Spare& spare) {
    wire::WardenOrder order = order_;
    order.identity.pid = pid;
    order.identity.start_time = 0; // its steward will say
    order.token = spare.token + wire::secret_of(order_.token);
    auto child = std::make_unique<Warden>(household_, std::move(order), spare.session);
    auto [ours, theirs] = TRY(sys::socket_pair(SOCK_SEQPACKET));
    child->born_ = true;
    child->group_ = group_;
    child->prepare_ = prepare_;
    child->prepare_->identity = child->order_.identity;
    child->monotonic_ahead_ = monotonic_ahead_;
    child->boottime_ahead_ = boottime_ahead_;
    child->segments_ = segments_.duplicate();
    child->huge_ = huge_;
    child->state_ = state_;
    child->state_->threads.clear();
    child->state_->account = {};
    child->stage_ = Stage::ready;
    child->service_ = std::move(ours);
    child->unborn_theirs_ = std::move(theirs);
    child->links_[0] = std::move(spare.link);
    child->abandoned_ = monotonic_now();
    child->watch_service();
    child->tick();
    return child;
}

// The guest's own word, on a socket that only it has; the PID is the one that was promised.
void Warden::born(uint32_t slot, int64_t pid) {
    if (guest_ || pid != order_.identity.pid || slot >= wire::vfork_slots)
        return end("a child that was not promised");
    auto guest = Guest::born(static_cast<pid_t>(pid), prepare_->region);
    if (!guest) return end(guest.error().sentence());
    guest_ = std::move(*guest);
    shares_ = slot == 0;
    slots_end_ = slot + 1;
    Fd link = std::move(links_[0]);
    links_.clear();
    handed_.insert(slot);
    watch_link(slot, link.number());
    links_[slot] = std::move(link);
    enter(Stage::running);
    household_.end_turn(order_.identity.pid);
    abandoned_ = Nanos(0); // the link tells of home's end; a steward may be long in coming
    watch_guest();
    (void)loop_.after(unknown_for, [this] {
        daemon_.connect();
        tell_daemon("arrived", "");
    });
}

// The session goes on with a warden that waits for a prepare, as at its beginning; this one leaves
// with the guest of the program before, whose PID must be free when it says so.
void Warden::renew() {
    ended_ = true;
    leave_group();
    household_.leave_turn(*this);
    if (!guest_ || stage_ == Stage::over) return begin_anew();
    (void)guest_->signal(SIGKILL);
    loop_.watch(guest_->pidfd(), POLLIN, [this](short) {
        loop_.unwatch(guest_->pidfd());
        (void)waitpid(guest_->pid(), nullptr, __WALL);
        begin_anew();
    });
}

void Warden::begin_anew() {
    holder_.reset();
    household_.move_in(order_.cgroups);
    auto next = std::make_unique<Warden>(household_, order_, session_);
    next->born_ = born_;
    next->group_ = group_;
    next->begin();
    household_.add(std::move(next));
    order_.token.clear();
    (void)send(SessionType::renewed, wire::Empty{});
    farewell("the process executes another program");
}

} // namespace rove::warden
