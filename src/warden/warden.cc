// SPDX-License-Identifier: Apache-2.0
// Warden: the connections, the stages and the clock. See warden.hh.
#include "warden/warden.hh"

#include "warden/household.hh"

#include <algorithm>

#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fault.hh"
#include "base/log.hh"
#include "base/recorder.hh"
#include "base/units.hh"
#include "sys/cgroup.hh"
#include "sys/files.hh"
#include "sys/process.hh"
#include "sys/sockets.hh"

namespace rove::warden {

using wire::Kind;
using wire::SessionType;

namespace {

constexpr Nanos ping_interval = std::chrono::milliseconds(500);
constexpr Nanos tally_interval = std::chrono::seconds(1);
constexpr Nanos silence_max = std::chrono::milliseconds(wire::session_deaf_ms);
constexpr Nanos abandoned_max = std::chrono::seconds(15);
constexpr Nanos unused_max = std::chrono::seconds(15);
constexpr Nanos answer_time_max = std::chrono::seconds(5);
constexpr Nanos over_max = std::chrono::seconds(5);
constexpr Nanos tick_interval = std::chrono::milliseconds(500);

} // namespace

char const* stage_name(Stage stage) {
    switch (stage) {
    case Stage::waiting:
        return "waiting";
    case Stage::building:
        return "building";
    case Stage::prepared:
        return "prepared";
    case Stage::laying:
        return "laying";
    case Stage::arriving:
        return "arriving";
    case Stage::ready:
        return "ready";
    case Stage::running:
        return "running";
    case Stage::parking:
        return "parking";
    case Stage::parked:
        return "parked";
    case Stage::over:
        return "over";
    case Stage::kept:
        return "kept";
    }
    return "?";
}

Warden::Warden(Household& household, wire::WardenOrder order, std::string session)
    : household_(household),
      order_(std::move(order)),
      session_(std::move(session)),
      group_(session_),
      daemon_(
          loop_, household.daemon_socket(), [this] { return daemon_hello(); },
          [this] { end("the daemon gives the guest up"); }),
      segments_(order_.run_dir + "/segments", order_.segments_max) {
    daemon_.come_again = [this](wire::Again const& again) { come_again(again); };
}

void Warden::begin() {
    abandoned_ = monotonic_now();
    daemon_.connect();
    tick();
}

std::string Warden::daemon_hello() const {
    wire::WardenHello hello;
    hello.identity = order_.identity;
    hello.warden_pid = household_.outside_pid();
    hello.guest_pid = guest_ && stage_ != Stage::kept ? guest_->outside_pid() : 0;
    hello.port = household_.port();
    hello.memory_bytes = guest_ ? tally().memory_bytes : 0;
    hello.user = order_.user;
    hello.command = order_.command;
    hello.session = session_;
    hello.group = group_;
    return wire::keeper_packet(wire::KeeperType::warden_hello, hello);
}

Verdict Warden::judge(wire::Hello const& hello) const {
    if (ended_ || (stage_ == Stage::ready && !guest_)) return Verdict::nothing_expected; // unborn
    if (stage_ == Stage::kept) return Verdict::nothing_expected;
    switch (hello.kind) {
    case Kind::control:
        return Verdict::ok;
    case Kind::link:
        if (!prepare_ || stage_ == Stage::over) return Verdict::nothing_expected;
        if (hello.epoch != prepare_->epoch) return Verdict::wrong_epoch;
        return hello.slot > 0 && hello.slot < wire::slots_max ? Verdict::ok
                                                              : Verdict::nothing_expected;
    case Kind::pages:
        if (!prepare_ || stage_ == Stage::over) return Verdict::nothing_expected;
        // The pages of a guest that leaves are asked for by whoever has the token; those that come
        // belong to the epoch that is being prepared.
        if (stage_ < Stage::ready && hello.epoch != prepare_->epoch) return Verdict::wrong_epoch;
        return Verdict::ok;
    case Kind::spare:
        if (stage_ < Stage::ready || stage_ == Stage::over) return Verdict::nothing_expected;
        return hello.epoch == prepare_->epoch ? Verdict::ok : Verdict::wrong_epoch;
    case Kind::none:
        break;
    }
    return Verdict::nothing_expected;
}

void Warden::arrived(wire::Hello const& hello, Fd socket) {
    if (hello.kind == Kind::control) return take_control(std::move(socket));
    if (hello.kind == Kind::pages) {
        pages_ = std::move(socket);
        if (stage_ == Stage::arriving) receive_pages();
        return;
    }
    if (hello.kind == Kind::spare) {
        spares_[hello.slot].link = std::move(socket);
        return offer();
    }
    drop_link(hello.slot);
    handed_.erase(hello.slot);
    links_[hello.slot] = std::move(socket);
    if (stage_ == Stage::arriving) import_threads();
    if (stage_ >= Stage::ready) offer();
}

void Warden::take_control(Fd socket) {
    if (control_) {
        // A new steward knows the token, so the old one is dead or about to be.
        loop_.unwatch(control_.number());
        control_.close();
    }
    control_ = SessionLine(std::move(socket), order_.token);
    abandoned_ = Nanos(0);
    if (late_) late_->ask_again();
    loop_.watch(control_.number(), POLLIN, [this](short) { serve_control(); });
}

void Warden::serve_control() {
    auto served =
        control_.serve([this](SessionType type, std::string_view body) { take(type, body); });
    if (served || !control_ || ended_) return;
    if (served.error().code == ETIMEDOUT) return end("the steward is silent");
    lose_control(served.error().what);
}

void Warden::lose_control(std::string const& why) {
    loop_.unwatch(control_.number());
    control_.close();
    if (!may_be_committed(stage_)) return end(why);
    // The pages that it sends go nowhere now, and home's porter must not wait for them.
    pages_.close();
    if (links_.empty()) return end("home has ended");
    LOG(warn, "{}; the guest waits for another steward", why);
    leave_group();
    abandoned_ = monotonic_now();
}

void Warden::trouble(std::string const& reason, Error const& error) {
    LOG(warn, "{}: {}", stage_name(stage_), error.detail());
    wire::Trouble message;
    message.reason = reason;
    message.text = error.sentence();
    message.code = error.code;
    if (control_) (void)send(SessionType::trouble, message);
}

void Warden::enter(Stage stage) {
    record("{} -> {}", stage_name(stage_), stage_name(stage));
    LOG(debug, "{} -> {}", stage_name(stage_), stage_name(stage));
    stage_ = stage;
}

void Warden::heartbeat() {
    Nanos now = monotonic_now();
    if (!control_ || now - last_ping_ < ping_interval) return;
    last_ping_ = now;
    (void)send(SessionType::ping, wire::Ping{++pings_});
}

// Also the sign of life of one that runs.
void Warden::tell_tally() {
    last_tally_ = last_ping_ = monotonic_now();
    auto account = tally();
    if (control_) (void)send(SessionType::tally, account);
    tell_daemon(account, "", "");
}

void Warden::tick() {
    if (ended_) return;
    (void)loop_.after(tick_interval, [this] { tick(); });
    Nanos now = monotonic_now();
    bool counts = stage_ >= Stage::running && stage_ < Stage::over;
    if (counts && now - last_tally_ >= tally_interval)
        tell_tally();
    else if (!counts)
        heartbeat();
    if (control_ && now - control_.heard() > silence_max) return end("the steward is silent");
    if (stage_ == Stage::kept) return tell_kept();
    if (stage_ == Stage::waiting && !control_ && now - abandoned_ > unused_max)
        return end("nobody came");
    if (stage_ != Stage::waiting && !control_ && abandoned_ != Nanos(0) &&
        now - abandoned_ > abandoned_max)
        return end("no steward came back");
    if (stage_ == Stage::over && now - over_since_ > over_max) return end("nobody wants the rest");
    offer(); // who had the turn may have died with it
    if (asked_ && now - asked_at_ > answer_time_max) answer_guest(-EAGAIN, {});
}

void Warden::watch_guest() {
    loop_.watch(guest_->pidfd(), POLLIN, [this](short) { guest_ended(); });
}

// Home's ends of the links tell that the process at home has died even when its steward has, too.
void Warden::watch_link(uint32_t slot, int fd) {
    loop_.watch(fd, POLLRDHUP, [this, slot](short) { drop_link(slot); });
}

void Warden::drop_link(uint32_t slot) {
    auto found = links_.find(slot);
    if (found == links_.end()) return;
    loop_.unwatch(found->second.number());
    links_.erase(found);
    if (links_.empty() && !control_ && may_be_committed(stage_)) end("home has ended");
}

} // namespace rove::warden
