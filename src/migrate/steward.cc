// SPDX-License-Identifier: Apache-2.0
// Steward: the loop that watches both halves, and what a move looks like from outside.
#include "migrate/steward.hh"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.hh"
#include "base/recorder.hh"
#include "migrate/order.hh"
#include "sys/files.hh"
#include "sys/process.hh"
#include "wire/home_reason.hh"

namespace rove::migrate {

using wire::KeeperType;
using wire::SessionType;

namespace {

constexpr Nanos tick_period = std::chrono::milliseconds(100);
constexpr Nanos report_period = std::chrono::seconds(1);
constexpr Nanos stay_home =
    std::chrono::seconds(2); // a process that came home may leave again at once
constexpr Nanos wait_for_order = std::chrono::seconds(30);
constexpr Nanos homeward_patience =
    std::chrono::seconds(90); // of a process that can only go on at home

uint64_t us(Nanos time) {
    return time.count() > 0 ? static_cast<uint64_t>(time.count()) / 1000 : 0;
}

std::string home_word(uint32_t reason) {
    switch (reason) {
#define WORD(number, word)                                                                         \
    case number:                                                                                   \
        return #word;
        ROVE_HOME_REASONS(WORD)
#undef WORD
    default:
        return "unknown_call";
    }
}

// A freeze waits for nobody else's time slice. Not more than this: Linux 6.18 was seen to run
// nobody but a steward of nice -20 and a program that called sched_yield in a loop, for a minute.
class Urgent {
public:
    Urgent() : before_(::getpriority(PRIO_PROCESS, 0)) {
        (void)::setpriority(PRIO_PROCESS, 0, std::min(before_, -5));
    }
    ~Urgent() { (void)::setpriority(PRIO_PROCESS, 0, before_); }
    Urgent(Urgent const&) = delete;
    Urgent& operator=(Urgent const&) = delete;

private:
    int before_;
};

} // namespace

Steward::Steward(wire::StewardOrder order, std::string const& socket, Body body)
    : order_(std::move(order)),
      daemon_(socket),
      body_(std::move(body)),
      tally_(order_.tally),
      host_(order_.node),
      home_since_(monotonic_now() + wait_for_order) {
    asker_.move_root = order_.move_root;
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

Status Steward::keep_sessions() {
    daemon_.keep_up(hello());
    for (Session* session : {session_ ? &*session_ : nullptr, other_}) {
        if (session == nullptr) continue;
        TRY(session->receive());
        TRY(session->sound());
        TRY(session->ping_if_due());
    }
    return {};
}

int Steward::run() {
    if (order_.relearn != 0) {
        bool away = false;
        if (auto learnt = relearn(away); !learnt) {
            LOG(warn, "{}", learnt.error().sentence());
            if (learnt.error().gone()) return 0;
            if (away) host_lost(learnt.error().sentence());
        }
    }
    while (!done_) {
        daemon_.keep_up(hello());
        pollfd all[4] = {
            {body_.pidfd(), POLLIN, 0}, {daemon_.fd(), POLLIN, 0}, {-1, 0, 0}, {-1, 0, 0}};
        if (session_) all[2] = {session_->fd(), POLLIN, 0};
        if (body_.entered()) all[3] = {body_.alarm_fd(), POLLIN, 0};
        (void)::poll(all, 4, static_cast<int>(tick_period / std::chrono::milliseconds(1)));
        if ((all[0].revents & POLLIN) != 0) {
            if (session_)
                (void)session_->renew_tally(
                    std::chrono::milliseconds(200)); // what is left of it still stands there
            report_state("ended");
            if (session_) (void)session_->send(SessionType::let_go);
            return 0;
        }
        serve_session();
        if (body_.entered()) serve_alarms();
        serve_daemon();
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
    if (session_) state.tally.away_us += us(monotonic_now() - away_since_);
    state.event = std::move(event);
    state.reason = std::move(reason);
    state.text = std::move(text);
    daemon_.send(KeeperType::steward_state, state);
}

void Steward::serve_daemon() {
    while (auto packet = daemon_.receive()) {
        switch (packet->type) {
        case KeeperType::move: {
            auto request = wire::decode<wire::Move>(packet->body);
            if (!request)
                LOG(warn, "a malformed move from the daemon, ignoring");
            else if (request->wait_for_exec != 0)
                wait_for_exec(*request);
            else
                move(*request);
            break;
        }
        case KeeperType::asker:
            if (auto asker = wire::decode<wire::Asker>(packet->body)) asker_ = *asker;
            break;
        case KeeperType::trace_request: {
            wire::TraceReply reply;
            if (session_)
                (void)session_->renew_tally(
                    std::chrono::milliseconds(500)); // a broken session is noticed elsewhere
            reply.rows = account().calls;
            daemon_.send(KeeperType::trace_reply, reply);
            break;
        }
        case KeeperType::none:
        case KeeperType::steward_hello:
        case KeeperType::warden_hello:
        case KeeperType::move_done:
        case KeeperType::steward_state:
        case KeeperType::warden_state:
        case KeeperType::end_guest:
        case KeeperType::trace_reply:
        case KeeperType::came_home:
        case KeeperType::looked:
        default:
            LOG(debug, "a message {} from the daemon, ignoring", static_cast<int>(packet->type));
            break;
        }
    }
}

void Steward::move(wire::Move const& request) {
    Progress progress;
    progress.began = progress.phase_began = monotonic_now();
    refusal_ = {};
    wire::MoveDone done;
    done.request = request.request;
    done.from = host_;
    done.to = request.landing.node.empty() ? order_.node : request.landing.node;
    bool home = request.landing.node.empty();
    bool was_away = session_.has_value();
    Status moved = goes_on();
    if (moved) {
        Urgent urgent;
        if (home)
            moved = was_away ? move_home(progress) : Status{};
        else
            moved = was_away ? move_onward(request.landing, progress)
                             : move_out(request.landing, progress, std::nullopt);
    }
    done.ok = moved.has_value();
    done.bytes = progress.bytes;
    done.freeze_us = progress.frozen.count() != 0 ? us(progress.thawed - progress.frozen) : 0;
    done.stopped_us = done.freeze_us;
    done.total_us = us(monotonic_now() - progress.began);
    if (moved) {
        homeward_since_ = Nanos(0);
        ++tally_.moves;
        tally_.bytes_moved += progress.bytes;
        tally_.freeze_us_max = std::max(tally_.freeze_us_max, done.freeze_us);
        if (was_away && home) tally_.away_us += us(monotonic_now() - away_since_);
    } else {
        done.reason = refusal_.word;
        done.text = moved.error().sentence();
        LOG(note, "no move to {}: {}", done.to, moved.error().detail());
    }
    LOG(debug, "{} → {}: {} bytes, frozen {} µs, total {} µs; {}", done.from, done.to, done.bytes,
        done.freeze_us, done.total_us, progress.phases);
    record("move {}", progress.phases);
    daemon_.send(KeeperType::move_done, done);
    if (moved)
        report_state(
            home && was_away ? "came_home" : "moved", home && was_away ? "brought_home" : "");
    home_since_ = monotonic_now();
}

// A program that is about to execute another is held at the new one's first instruction.
void Steward::wait_for_exec(wire::Move const& request) {
    refusal_ = {};
    auto tracee = tracee::Tracee::seize_at_exec(body_.pid());
    auto refuse = [&](Error const& error) {
        wire::MoveDone done;
        done.request = request.request;
        done.from = host_;
        done.to = request.landing.node;
        done.reason = refusal_.word;
        done.text = error.sentence();
        daemon_.send(KeeperType::move_done, done);
        home_since_ = monotonic_now();
    };
    if (!tracee) return refuse(tracee.error());
    report_state("armed");
    Deadline deadline = Deadline::after(wait_for_order);
    for (;;) {
        auto there = tracee->wait_exec(std::chrono::milliseconds(50));
        if (!there) return refuse(there.error());
        if (*there) break;
        if (deadline.passed()) return refuse(Error(ETIMEDOUT, "it executed nothing"));
        daemon_.keep_up(hello());
    }
    Progress progress;
    progress.began = progress.phase_began = monotonic_now();
    Status moved = body_.reopen_memory();
    {
        Urgent urgent;
        if (moved) moved = move_out(request.landing, progress, std::move(*tracee));
    }
    if (!moved) leases_.give_back();
    if (!moved) {
        LOG(note, "no move to {}: {}", request.landing.node, moved.error().detail());
        return refuse(moved.error());
    }
    ++tally_.moves;
    tally_.bytes_moved += progress.bytes;
    wire::MoveDone done;
    done.request = request.request;
    done.ok = 1;
    done.from = order_.node;
    done.to = host_;
    done.bytes = progress.bytes;
    done.freeze_us = done.stopped_us = us(progress.thawed - progress.frozen);
    done.total_us = us(monotonic_now() - progress.began);
    tally_.freeze_us_max = std::max(tally_.freeze_us_max, done.freeze_us);
    LOG(debug, "at exec → {}: {} bytes, frozen {} µs; {}", done.to, done.bytes, done.freeze_us,
        progress.phases);
    daemon_.send(KeeperType::move_done, done);
    report_state("moved");
}

// Perhaps it has been asked for twice: by the thread, and because it was found without one.
void Steward::give_link(uint32_t slot) {
    if (!body_.linkless(slot).value_or(false)) return;
    auto link = connect_to(session_->landing(), wire::Kind::link, slot, session_->epoch());
    auto given = link ? body_.give_link(slot, link->number()) : Status(Failure(link.error()));
    if (!given) LOG(warn, "no link for slot {}: {}", slot, given.error().sentence());
}

// A link that could not be made when it was asked for: nobody asks again.
void Steward::give_missing_links() {
    if (monotonic_now() - links_looked_ < report_period) return;
    links_looked_ = monotonic_now();
    auto linkless = body_.linkless_slots();
    if (!linkless) return;
    for (uint32_t index : *linkless)
        give_link(index);
}

void Steward::serve_links_only() {
    wire::Alarm alarm;
    for (auto const& early : postponed_)
        if (early.type == wire::AlarmType::link_wanted) give_link(early.slot);
    std::erase_if(
        postponed_, [](auto const& early) { return early.type == wire::AlarmType::link_wanted; });
    while (::recv(body_.alarm_fd(), &alarm, sizeof alarm, MSG_DONTWAIT) == sizeof alarm) {
        if (alarm.type == wire::AlarmType::link_wanted)
            give_link(alarm.slot);
        else
            postponed_.push_back(alarm);
    }
}

void Steward::serve_alarms() {
    while (session_ && body_.entered()) {
        wire::Alarm alarm;
        if (::recv(body_.alarm_fd(), &alarm, sizeof alarm, MSG_DONTWAIT) == sizeof alarm)
            postponed_.push_back(alarm);
        // What stands still cannot be helped, and does not wait for it.
        if (postponed_.empty() || stands()) return;
        if (monotonic_now() < alarms_after_) return serve_links_only();
        alarm = postponed_.front();
        postponed_.erase(postponed_.begin());
        serve_alarm(alarm);
    }
}

// As if a thread had asked for it, though no call of its own is the reason.
void Steward::want_home(wire::HomeReason reason) {
    postponed_.push_back(
        {wire::AlarmType::home_wanted, 0, uint64_t{~0u} << 32 | static_cast<uint32_t>(reason)});
}

void Steward::serve_alarm(wire::Alarm const& alarm) {
    switch (alarm.type) {
    case wire::AlarmType::link_wanted:
        return give_link(alarm.slot);
    case wire::AlarmType::home_wanted:
    case wire::AlarmType::signal_core: {
        std::string word = alarm.type == wire::AlarmType::signal_core
                               ? "fatal_signal"
                               : home_word(static_cast<uint32_t>(alarm.value));
        Progress progress;
        progress.began = progress.phase_began = monotonic_now();
        std::string from = host_;
        Status moved;
        {
            Urgent urgent;
            moved = move_home(progress);
        }
        if (!moved) return postpone(alarm, word, moved.error());
        homeward_since_ = Nanos(0);
        ++tally_.moves;
        tally_.bytes_moved += progress.bytes;
        tally_.away_us += us(monotonic_now() - away_since_);
        tally_.freeze_us_max =
            std::max(tally_.freeze_us_max, us(progress.thawed - progress.frozen));
        LOG(debug, "{} → home ({}): {} bytes; {}", from, word, progress.bytes, progress.phases);
        auto what = alarm.type == wire::AlarmType::signal_core
                        ? fmt::format("signal {}", alarm.value)
                        : fmt::format("call {}", static_cast<int32_t>(alarm.value >> 32));
        return report_state("came_home", word, what);
    }
    case wire::AlarmType::none:
    case wire::AlarmType::thread_gone:
    case wire::AlarmType::released:
    default:
        return;
    }
}

// It goes on at its host, but the thread that asked stands there. A loss of the host is noticed by
// itself.
void Steward::postpone(wire::Alarm const& alarm, std::string const& word, Error const& error) {
    if (!session_) return;
    std::erase_if(postponed_,
        [&](auto const& other) { return other.type == alarm.type && other.slot == alarm.slot; });
    postponed_.push_back(alarm);
    if (stands()) {
        homeward_since_ = Nanos(0);
        return;
    }
    Nanos now = monotonic_now();
    if (homeward_since_ == Nanos(0)) homeward_since_ = now;
    LOG(warn, "it must come home ({}) and cannot yet: {}", word, error.detail());
    if (now - homeward_since_ > homeward_patience)
        return host_lost(
            fmt::format("it must come home ({}) and cannot: {}", word, error.sentence()));
    alarms_after_ = now + std::clamp<Nanos>((now - homeward_since_) / 2,
                              std::chrono::milliseconds(50), std::chrono::seconds(5));
}

void Steward::serve_session() {
    if (!session_) return;
    Status heard = session_->receive();
    while (auto frame = session_->take()) {
        if (frame->type == SessionType::running) resumed_ = true;
        if (frame->type != SessionType::trouble) continue;
        auto trouble = wire::decode<wire::Trouble>(frame->body);
        if (!trouble) continue;
        LOG(warn, "{}: {}", host_, trouble->text);
        if (trouble->guest_ended != 0) {
            // Its end at the host is P's end here; a signal of the host's kernel is P's, too.
            (void)sys::pidfd_send_signal(body_.pidfd(),
                trouble->signal > 0 && trouble->signal < 65 ? trouble->signal : SIGKILL);
            report_state("host_lost", trouble->reason.empty() ? "host_lost" : trouble->reason,
                trouble->text);
        }
    }
    if (!heard)
        host_lost(heard.error().sentence());
    else if (session_->silent_for() > silence_limit)
        host_lost(fmt::format("{} is silent", host_));
}

void Steward::host_lost(std::string const& why) {
    // A deputy may just have ended the process in the ordinary way; then nothing was lost.
    if (auto ended =
            sys::wait_pidfd(body_.pidfd(), Deadline::after(std::chrono::milliseconds(200)));
        ended && *ended)
        return;
    LOG(warn, "the host {} is lost: {}", host_, why);
    report_state("host_lost", "host_lost", why);
    (void)sys::pidfd_send_signal(body_.pidfd(), SIGKILL);
    session_.reset();
    done_ = true;
}

void Steward::tick() {
    tracee::let_go_of_late();
    if (session_) {
        (void)session_->ping_if_due();
        give_missing_links();
        if (leases_.wanted() && postponed_.empty())
            want_home(wire::HomeReason::shared_file_mapping);
        bool stopped = stands();
        if (!stopped && !stale_.empty() && monotonic_now() > stale_until_)
            (void)body_.porter().calls_tolerant(std::exchange(stale_, {}));
        if (stopped != told_stopped_) {
            told_stopped_ = stopped;
            (void)session_->send(stopped ? SessionType::stop : SessionType::cont);
        }
    } else if (monotonic_now() - home_since_ > stay_home) {
        auto removed = body_.remove_region();
        if (!removed && !removed.error().gone()) LOG(debug, "{}", removed.error().sentence());
        daemon_.send(KeeperType::came_home, hello());
        done_ = true;
        return;
    }
    if (monotonic_now() - reported_ > report_period) report_state();
}

Status Steward::goes_on() {
    if (TRY(tracee::read_stat(body_.pid())).state == 'T')
        return deny(EBUSY, "it is stopped; let it go on first (kill -CONT {})", body_.pid());
    if (!group_ || monotonic_now() - group_known_ > report_period) {
        auto group = sys::Cgroup::of(body_.pid());
        group_ = group ? std::optional(std::move(*group)) : std::nullopt;
        group_known_ = monotonic_now();
    }
    if (group_ && group_->frozen().value_or(false))
        return deny(EBUSY, "its cgroup is frozen; thaw it first");
    return {};
}

bool Steward::stands() {
    auto going = goes_on();
    return !going && going.error().code == EBUSY;
}

// What a steward that has died left behind: a move that was not committed is undone, one that was
// is brought to its end. Fails if the process lives at a host and cannot be reached there.
Status Steward::relearn(bool& away) {
    home_since_ = monotonic_now();
    if (!TRY(body_.find_region())) return {};
    auto phase = TRY(body_.phase());
    // A move out that its steward did not live to decide: the program goes on at home.
    if (phase == wire::Phase::preparing) return body_.release();
    if (phase ==
        wire::Phase::released) { // its threads are on their way, or wait for the last bit of it
        if (auto woken = body_.wake_in_program(); !woken) LOG(warn, "{}", woken.error().sentence());
        return {};
    }
    if (phase != wire::Phase::serving && phase != wire::Phase::parking) return {};
    away = true;
    uint32_t epoch = TRY(body_.epoch());
    wire::Landing landing = TRY(body_.read_landing(epoch));
    host_ = landing.node;
    Session session = TRY(Session::connect(landing, epoch));
    wire::Prepare prepare;
    prepare.identity = order_.identity;
    prepare.epoch = epoch;
    prepare.region = body_.region();
    TRY(session.send(SessionType::adopt, prepare));
    TRY(session.wait({SessionType::running}, std::chrono::seconds(10)));
    session_.emplace(std::move(session));
    resumed_ = true;
    told_stopped_ = true; // perhaps it was told so; the loop says what holds now
    away_since_ = monotonic_now();
    body_.set_idle([this] { return keep_sessions(); });
    // The porter is one of the process's threads: while that is stopped it answers nobody.
    for (;;) {
        auto taken = body_.take_sockets(std::chrono::milliseconds(1000));
        if (taken) break;
        if (taken.error().code != ETIMEDOUT || !stands()) return taken;
        TRY(keep_sessions());
    }
    TRY(body_.settle_links(epoch));
    TRY(body_.set_phase(wire::Phase::serving));
    away = false;         // what is still wanted is not worth its life
    give_missing_links(); // of threads that asked the former steward
    auto mappings =
        TRY(image::parse_maps(TRY(sys::read_file(fmt::format("/proc/{}/smaps", body_.pid())))));
    if (!leases_.take(body_.pid(), mappings, refusal_))
        want_home(wire::HomeReason::shared_file_mapping);
    for (auto const& mapping : mappings) {
        if (mapping.inode != 0 && !image::is_foreign(mapping, body_.region()))
            (void)segments_.place(body_.pid(), &body_.memory(), mapping);
    }
    // For a next host's preparations what P still maps is near enough: the final layout comes
    // later.
    last_layout_ = TRY(layout_of(mappings));
    last_layout_.present.clear();
    return {};
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
