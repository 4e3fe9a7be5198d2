// SPDX-License-Identifier: Apache-2.0
// Steward: the loop that watches both halves between moves, and what the daemon is told of them.
#include "migrate/steward.hh"

#include <algorithm>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/fault.hh"
#include "base/log.hh"
#include "migrate/order.hh"
#include "sys/files.hh"
#include "sys/process.hh"

namespace rove::migrate {

using wire::KeeperType;
using wire::SessionType;

namespace {

// Looks for what no event tells. Who stands still is to go on soon after SIGCONT.
constexpr Nanos tick_period = std::chrono::milliseconds(250);
constexpr Nanos tick_period_stopped = std::chrono::milliseconds(100);
constexpr Nanos priorities_period = std::chrono::seconds(1);
constexpr Nanos stay_home =
    std::chrono::seconds(2); // a process that came home may leave again at once

// Milliseconds until the next multiple of the period: a node's stewards look one after the other,
// while what they use is in the caches.
int until_beat(Nanos period) {
    Nanos left = period - monotonic_now() % period;
    return static_cast<int>(left / std::chrono::milliseconds(1)) + 1;
}

template <class T> std::optional<T> decoded(Session::Frame const& frame, SessionType type) {
    return frame.type == type ? wire::decode<T>(frame.body) : std::nullopt;
}

} // namespace

Steward::Steward(wire::StewardOrder order, std::string const& socket, Body body)
    : order_(std::move(order)),
      daemon_(socket),
      body_(std::move(body)),
      standstill_(body_.pid()),
      segments_(RememberedKeys(order_.run_dir + "/segment-keys")),
      tally_(order_.tally),
      host_(order_.node),
      home_since_(monotonic_now() + wait_for_order),
      mode_(mode_of(order_.mode)) {
    asker_.move_root = order_.move_root;
    asker_.uid = order_.asker;
    account_.cpu_us = tally_.cpu_away_us;
    account_.forwarded = tally_.forwarded_calls;
    account_.local = tally_.local_calls;
    account_.calls = std::exchange(order_.calls, {});
}

Result<std::unique_ptr<Steward>> Steward::create(
    wire::StewardOrder order, std::string const& socket) {
    Body body = TRY(Body::open(order.identity.pid, order.identity.start_time));
    return std::unique_ptr<Steward>(new Steward(std::move(order), socket, std::move(body)));
}

wire::StewardHello Steward::hello() const {
    wire::StewardHello hello;
    hello.identity = order_.identity;
    hello.steward_pid = ::getpid();
    hello.place = place();
    hello.host = host_;
    hello.tally = tally_;
    hello.calls = account_.calls;
    return hello;
}

void Steward::keep_daemon() {
    daemon_.keep_up([this] { return hello(); });
}

Status Steward::keep_sessions() {
    keep_daemon();
    TRY(body_.keep_afloat());
    for (Session* session : {session_ ? &*session_ : nullptr, other_}) {
        if (session == nullptr) continue;
        TRY(session->receive());
        TRY(session->sound());
        TRY(session->ping_if_due());
    }
    return {};
}

int Steward::run() {
    // A child that was born away has never had a steward, and the daemon may not know it yet.
    if (order_.relearn != 0 || body_.lives_away()) {
        bool away = false;
        if (auto learnt = relearn(away); !learnt) {
            LOG(warn, "{}", learnt.error().sentence());
            if (learnt.error().gone()) return 0;
            if (away) host_lost(learnt.error().sentence());
        }
        if (!session_) (void)body_.close_left_userfault();
    }
    while (!done_) {
        keep_daemon();
        pollfd all[4] = {
            {body_.pidfd(), POLLIN, 0}, {daemon_.fd(), POLLIN, 0}, {-1, 0, 0}, {-1, 0, 0}};
        if (session_)
            all[2] = {session_->fd(), POLLIN, 0};
        else if (kept_)
            all[2] = {kept_->session.fd(), POLLIN, 0};
        // What stands still is not helped, and what it wants stays there.
        if (body_.entered() && !told_stopped_) all[3] = {body_.alarm_fd(), POLLIN, 0};
        bool resting = kept_ && !body_.mapped();
        (void)::poll(all, 4,
            until_beat(resting         ? ping_period
                       : told_stopped_ ? tick_period_stopped
                                       : tick_period));
        if ((all[0].revents & POLLIN) != 0) {
            bring_last_stores();
            if (session_)
                (void)session_->renew_tally(
                    std::chrono::milliseconds(200)); // what is left of it still stands there
            report_state("ended");
            if (session_) (void)session_->send(SessionType::let_go);
            return 0;
        }
        serve_session(all[2].revents != 0);
        serve_kept();
        if (session_ && std::exchange(group_leaves_, false)) come_along();
        if (body_.entered() && (all[3].revents != 0 || !postponed_.empty() || told_stopped_))
            serve_alarms();
        if (all[1].revents != 0) serve_daemon();
        tick();
    }
    return 0;
}

// The host's account goes on from ours, so of two the larger is the later; a new session has none
// at first.
wire::GuestTally const& Steward::account() {
    if (session_ && session_->tally().cpu_us >= account_.cpu_us &&
        session_->tally().forwarded >= account_.forwarded)
        account_ = session_->tally();
    return account_;
}

void Steward::report_state(std::string event, std::string reason, std::string text) {
    reported_ = monotonic_now();
    wire::StewardState state;
    state.place = place();
    state.host = host_;
    auto const& account = this->account();
    tally_.forwarded_calls = account.forwarded;
    tally_.local_calls = account.local;
    tally_.cpu_away_us = account.cpu_us;
    if (session_) tally_.memory_bytes = account.memory_bytes;
    state.tally = tally_;
    if (session_) state.tally.away_us += microseconds(monotonic_now() - away_since_);
    state.event = std::move(event);
    state.reason = std::move(reason);
    state.text = std::move(text);
    daemon_.send(KeeperType::steward_state, state);
}

void Steward::serve_session(bool readable) {
    if (!session_) return;
    Status heard = readable ? session_->receive() : Status();
    while (auto frame = session_->take()) {
        if (frame->type == SessionType::running) resumed_ = true;
        if (frame->type == SessionType::group_home) group_leaves_ = true;
        if (serve_late(*session_, *frame)) {
            if (!session_) return;
            continue;
        }
        if (auto wanted = decoded<wire::FileWanted>(*frame, SessionType::file_wanted))
            find_file(*wanted);
        if (auto wanted = decoded<wire::BytesWanted>(*frame, SessionType::bytes_wanted))
            send_bytes(*wanted);
        if (frame->type != SessionType::trouble) continue;
        auto trouble = wire::decode<wire::Trouble>(frame->body);
        if (!trouble) continue;
        if (trouble->guest_ended != 0 && executed()) return;
        LOG(warn, "{}: {}", host_, trouble->text);
        if (trouble->guest_ended != 0) {
            bring_last_stores();
            // Its end at the host is P's end here; a signal of the host's kernel is P's, too.
            (void)sys::pidfd_send_signal(body_.pidfd(),
                trouble->signal > 0 && trouble->signal < 65 ? trouble->signal : SIGKILL);
            report_state("host_lost", trouble->reason.empty() ? "host_lost" : trouble->reason,
                trouble->text);
        }
    }
    if (!heard)
        host_lost(heard.error().sentence());
    else if (session_->silent_for() > deaf_limit)
        host_lost(fmt::format("{} is silent", host_));
    else
        serve_late_for_a_while();
}

void Steward::host_lost(std::string const& why) {
    // A deputy may just have ended the process in the ordinary way; then nothing was lost.
    if (auto ended =
            sys::wait_pidfd(body_.pidfd(), Deadline::after(std::chrono::milliseconds(200)));
        ended && *ended)
        return;
    if (executed()) return;
    LOG(warn, "the host {} is lost: {}", host_, why);
    report_state("host_lost", "host_lost", why);
    (void)sys::pidfd_send_signal(body_.pidfd(), SIGKILL);
    owing_.reset();
    session_.reset();
    done_ = true;
}

void Steward::tick() {
    tracee::let_go_of_late();
    if (session_) {
        (void)session_->ping_if_due();
        bool stopped = stands();
        if (!stopped) give_missing_links();
        if ((leases_.wanted() || own_.wanted()) && postponed_.empty())
            want_home(wire::HomeReason::shared_file_mapping);
        if (!stopped && !stale_.empty() && monotonic_now() > stale_until_) {
            held_.clear();
            Body::Awake awake(body_);
            (void)body_.porter().calls_tolerant(std::exchange(stale_, {}));
        }
        if (stopped != told_stopped_) {
            told_stopped_ = stopped;
            (void)session_->send(stopped ? SessionType::stop : SessionType::cont);
        }
        if (monotonic_now() - priorities_looked_ >= priorities_period) tell_priorities(*session_);
    } else if (monotonic_now() - home_since_ > stay_home) {
        // A thread that has come home in a wait must be put into the program before we leave it.
        if (body_.mapped() || !kept_) {
            if (!check_thawed() || !body_.finish_leaving() || !body_.wake_in_program()) return;
            auto removed = body_.remove_region();
            if (!removed && !removed.error().gone()) LOG(debug, "{}", removed.error().sentence());
            (void)fault_point("left_at_home");
        }
        if (!kept_) {
            daemon_.send(KeeperType::came_home, hello());
            done_ = true;
            return;
        }
    }
    if (monotonic_now() - reported_ > report_period) report_state();
}

Status Steward::check_thawed() {
    if (standstill_.by_group()) return deny(EBUSY, "its cgroup is frozen; thaw it first");
    return {};
}

bool Steward::stands() {
    return standstill_.by_signal() || standstill_.by_group();
}

int steward_main(int argc, char** argv) {
    auto given = take_order<wire::StewardOrder>(argc, argv);
    if (!given) {
        log_event(Level::error, "a steward needs its order");
        return 2;
    }
    std::string socket =
        given->socket.empty() ? given->order.run_dir + "/keepers.sock" : given->socket;
    sys::set_process_name("rove-steward");
    log_to(2, ::getenv("ROVE_DEBUG") != nullptr ? Level::debug : Level::note,
        fmt::format("steward-{}", given->order.identity.pid));
    (void)::signal(SIGPIPE, SIG_IGN);
    auto steward = Steward::create(std::move(given->order), socket);
    if (!steward) {
        LOG(warn, "{}", steward.error().sentence());
        return 1;
    }
    return (*steward)->run();
}

} // namespace rove::migrate
