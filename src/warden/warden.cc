// SPDX-License-Identifier: Apache-2.0
// Warden: the loop, the connections and the stages. See warden.hh.
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

// From here on a guest may be the only living copy: nobody's death but home's ends it.
bool may_be_committed(Stage stage) {
    return stage >= Stage::ready && stage < Stage::over;
}

template <class T> Result<T> parse(std::string_view body) {
    auto message = wire::decode<T>(body);
    if (!message) return fail(EBADMSG, "the steward's message cannot be decoded");
    return std::move(*message);
}

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
    control_ = SessionLine(std::move(socket));
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

void Warden::take(SessionType type, std::string_view body) {
    if (ended_) return;
    error_reason_.clear();
    auto done = perform(type, body);
    if (control_) control_.forgive(); // the steward was not silent, we may have been deaf
    if (!done) {
        trouble(error_reason_, done.error());
        // Before the commit there is nothing to lose here.
        if (!may_be_committed(stage_)) end("it failed before the commit");
    }
}

Status Warden::perform(SessionType type, std::string_view body) {
    switch (type) {
    case SessionType::ping:
        return {};
    case SessionType::prepare:
        if (stage_ != Stage::waiting) return fail(EPROTO, "a second prepare");
        return prepare(TRY(parse<wire::Prepare>(body)));
    case SessionType::segment: {
        if (may_be_committed(stage_)) {
            take_file_bytes(TRY(parse<wire::SegmentBytes>(body)));
            return {};
        }
        if (!segments_missing_) return fail(EPROTO, "bytes of a segment that is not missing");
        if (TRY(segments_.receive(TRY(parse<wire::SegmentBytes>(body))))) {
            segments_missing_ = false;
            apply_layout();
        }
        return {};
    }
    case SessionType::forecast:
        if (stage_ != Stage::prepared)
            return fail(EPROTO, "a forecast while {}", stage_name(stage_));
        enter(Stage::building);
        return bring(TRY(parse<wire::Layout>(body)));
    case SessionType::ahead:
        if (stage_ != Stage::prepared)
            return fail(EPROTO, "pages ahead while {}", stage_name(stage_));
        return take_ahead();
    case SessionType::forget:
        if (stage_ != Stage::prepared) return fail(EPROTO, "forget while {}", stage_name(stage_));
        return forget(TRY(parse<wire::Pages>(body)));
    case SessionType::late:
        if (stage_ != Stage::prepared)
            return fail(EPROTO, "late pages while {}", stage_name(stage_));
        return expect_late(TRY(parse<wire::Pages>(body)));
    case SessionType::late_bytes:
        return take_late(TRY(parse<wire::LateBytes>(body)));
    case SessionType::late_question:
        if (lacks_pages()) return {}; // it is told when they have come
        return send(SessionType::late_over, wire::Empty{});
    case SessionType::layout:
        if (stage_ != Stage::prepared) return fail(EPROTO, "a layout while {}", stage_name(stage_));
        enter(Stage::laying);
        return bring(TRY(parse<wire::Layout>(body)));
    case SessionType::state:
        if (stage_ != Stage::arriving || state_)
            return fail(EPROTO, "a state while {}", stage_name(stage_));
        return state(TRY(parse<wire::ProcessState>(body)));
    case SessionType::pages_done:
        return {};
    case SessionType::commit:
        if (stage_ != Stage::ready) return fail(EPROTO, "a commit while {}", stage_name(stage_));
        return commit();
    case SessionType::abort:
        end("the move was called off");
        return {};
    case SessionType::let_go:
        (void)fault_point("warden_before_let_go"); // whatever goes wrong with it, the copy ends
        end("the process lives elsewhere now");
        return {};
    case SessionType::keep:
        keep(TRY(parse<wire::Keep>(body)));
        return {};
    case SessionType::park:
        if (stage_ != Stage::running && !group_going_)
            return fail(EPROTO, "park while {}", stage_name(stage_));
        if (lacks_pages()) return deny(EBUSY, "some of its pages are still at home");
        return park();
    case SessionType::send_pages:
        if (stage_ != Stage::parked && stage_ != Stage::running)
            return fail(EPROTO, "send_pages while {}", stage_name(stage_));
        return send_pages(TRY(parse<wire::SendPages>(body)));
    case SessionType::scan:
        if (stage_ != Stage::running && !group_going_)
            return fail(EPROTO, "scan while {}", stage_name(stage_));
        return scan();
    case SessionType::reach:
        if (stage_ != Stage::running && !group_going_)
            return fail(EPROTO, "reach while {}", stage_name(stage_));
        return reach(TRY(parse<wire::SendPages>(body)));
    case SessionType::resume:
        return resume();
    case SessionType::group_ready:
        return ready_to_go();
    case SessionType::commons_bytes:
        return take_commons(TRY(parse<wire::SegmentBytes>(body)));
    case SessionType::commons_wanted:
        return send_commons(TRY(parse<wire::CommonsWanted>(body)));
    case SessionType::stop:
        stopped_ = true;
        return signal_guest(SIGSTOP);
    case SessionType::cont:
        stopped_ = false;
        TRY(signal_guest(SIGCONT));
        offer();
        return {};
    case SessionType::adopt: {
        auto known = TRY(parse<wire::Prepare>(body));
        if (order_.identity.start_time == 0) // of a child only its PID is known here
            order_.identity = prepare_->identity = known.identity;
        if (known.identity != order_.identity) return fail(EPERM, "another process's guest");
        if (!may_be_committed(stage_)) return fail(EPROTO, "adopt while {}", stage_name(stage_));
        if (known.epoch != prepare_->epoch)
            return fail(EPROTO, "adopt of epoch {}, not {}", known.epoch, prepare_->epoch);
        // Home's epoch says that the commit has been made, or that a move away has not.
        if (stage_ == Stage::ready) return commit();
        if (stage_ != Stage::running) return resume();
        TRY(go_on());
        TRY(send(SessionType::running, wire::Empty{}));
        ask_late();
        return {};
    }
    case SessionType::priorities:
        priorities_ = TRY(parse<wire::Priorities>(body));
        tell_daemon("", "");
        return {};
    case SessionType::clock_request: {
        Clocks now = clocks_now();
        wire::ClockReading reading{
            now.monotonic.count(), now.boottime.count(), now.realtime.count()};
        return send(SessionType::clock, reading);
    }
    case SessionType::file_found:
        return file_found(TRY(parse<wire::FileFound>(body)));
    case SessionType::spare:
        return expect_child(TRY(parse<wire::SpareOffer>(body)));
    case SessionType::renew:
        if (!may_be_committed(stage_) && stage_ != Stage::over)
            return fail(EPROTO, "renew while {}", stage_name(stage_));
        renew();
        return {};
    case SessionType::tally_request:
        return send(SessionType::tally, tally());
    case SessionType::none:
    case SessionType::segments_wanted:
    case SessionType::prepared:
    case SessionType::laid_out:
    case SessionType::ready:
    case SessionType::running:
    case SessionType::parked:
    case SessionType::pages_sent:
    case SessionType::tally:
    case SessionType::trouble:
    case SessionType::clock:
    case SessionType::reached:
    case SessionType::scanned:
    case SessionType::ahead_taken:
    case SessionType::renewed:
    case SessionType::file_wanted:
    case SessionType::bytes_wanted:
    case SessionType::group_home:
    case SessionType::group_go:
    case SessionType::kept:
    case SessionType::late_wanted:
    case SessionType::late_over:
        break;
    }
    return fail(EPROTO, "message {} is not for a warden", static_cast<int>(type));
}

// One that has ended is reported by its end.
Status Warden::signal_guest(int number) {
    if (!guest_) return {};
    auto sent = guest_->signal(number);
    return sent || sent.error().gone() ? Status{} : sent;
}

void Warden::enter(Stage stage) {
    record("{} -> {}", stage_name(stage_), stage_name(stage));
    LOG(debug, "{} -> {}", stage_name(stage_), stage_name(stage));
    stage_ = stage;
}

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
