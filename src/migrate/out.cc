// SPDX-License-Identifier: Apache-2.0
// Out: home → host. Survey, prepare the host (preparing.cc), freeze, send, commit.
#include <algorithm>
#include <cstring>

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.hh"
#include "base/log.hh"
#include "base/units.hh"
#include "blob/blob.hh"
#include "image/layout.hh"
#include "migrate/steward.hh"
#include "migrate/thread_pages.hh"
#include "sys/files.hh"
#include "sys/sockets.hh"
#include "tracee/pagemap.hh"
#include "warden/blob_identity.hh"
#include "warden/mapping.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {
constexpr Nanos short_patience = std::chrono::seconds(10);
constexpr Nanos arrival_patience = std::chrono::seconds(1);
constexpr Nanos stalled_limit = std::chrono::seconds(10); // of a host that is sent pages
constexpr uint64_t best_bytes_per_ns = 4;
} // namespace

void Steward::Progress::phase(char const* name) {
    Nanos now = monotonic_now();
    phases +=
        fmt::format("{}{} {}", phases.empty() ? "" : " ", name, (now - phase_began).count() / 1000);
    phase_began = now;
}

// Pages that the process itself may not read are sent by us, the others by its porter.
Status Steward::send_memory(Session& session, Fd const& pages, wire::Layout const& layout,
    Ranges const& ranges, Progress& progress) {
    std::vector<wire::PageRange> readable;
    std::optional<warden::SealedLine> hard; // ours
    size_t at = 0;
    for (auto const& range : ranges) {
        uint64_t start = range.address, end = range.address + range.length;
        while (at < layout.vmas.size() && layout.vmas[at].end <= start)
            ++at;
        for (size_t i = at; i < layout.vmas.size() && start < end; ++i) {
            auto const& vma = layout.vmas[i];
            if (vma.start >= end) break;
            uint64_t part_end = std::min(end, vma.end);
            progress.bytes += part_end - start;
            if ((vma.prot & PROT_READ) != 0) {
                readable.push_back({start, part_end - start});
            } else {
                std::string bytes(part_end - start, '\0');
                TRY(body_.memory().read_forced(start, bytes.data(), bytes.size()));
                wire::PageHeader header{start, bytes.size()};
                if (!hard) {
                    hard.emplace(seal::Use::pages, seal::Side::home, session.landing().token);
                    TRY(hard->begin(pages.number()));
                }
                std::string head(reinterpret_cast<char const*>(&header), sizeof header);
                TRY(hard->send(pages.number(), as_bytes(head + bytes), short_patience));
            }
            start = part_end;
        }
    }
    wire::Control control = TRY(body_.control());
    int there = TRY(body_.porter().take_fd(pages.number(), control.fd_first));
    Status sent = body_.porter().send_pages(there, readable, session.epoch());
    if (!sent)
        (void)::shutdown(
            pages.number(), SHUT_RDWR); // a porter that is still at it must not stay there
    (void)body_.porter().call(SYS_close, {static_cast<uint64_t>(there)});
    return sent;
}

// The commit has been made; now the host hears of it. If it cannot begin at once, it is asked once
// more, as a new steward would ask; after that it is for the loop to see what has become of it.
void Steward::begin_there(Session& session) {
    told_stopped_ = body_.afloat();
    if (told_stopped_ && !session.send(SessionType::stop)) return;
    if (!session.send(SessionType::commit)) return;
    told_priorities_ = wire::Priorities{};
    tell_priorities(session);
    auto running = session.wait({SessionType::running}, short_patience);
    if (running) return;
    LOG(warn, "{}", running.error().sentence());
    wire::Prepare who;
    who.identity = order_.identity;
    who.epoch = session.epoch();
    who.region = body_.region();
    if (!session.send(SessionType::adopt, who)) return;
    running = session.wait({SessionType::running}, short_patience);
    if (!running) LOG(warn, "{}", running.error().sentence());
}

// The wanted limit of a freeze: what would take longer even at the best of rates is not begun, what
// has taken longer is undone before the commit.
Status Steward::check_freeze(Nanos so_far, uint64_t to_send) const {
    if (order_.freeze_limit_us == 0) return {};
    Nanos limit = std::chrono::microseconds(order_.freeze_limit_us);
    if (so_far + Nanos(static_cast<int64_t>(to_send / best_bytes_per_ns)) <= limit) return {};
    return deny(
        ETIME, "it would stand still for longer than {} (move.freeze)", print_duration(limit));
}

// One that has just come home may still be on the last instructions of its way, and one that was to
// be stopped before has perhaps stopped only now, held by us (EPERM): that is waited for.
Result<std::vector<wire::ThreadImage>> Steward::enter(
    Survey const& found, Progress& progress, std::optional<tracee::Tracee> held) {
    Deadline deadline = Deadline::after(arrival_patience);
    bool again = !held;
    for (;;) {
        progress.frozen = progress.held.count() != 0 ? progress.held : monotonic_now();
        auto images = body_.enter(found, refusal_, std::exchange(held, std::nullopt));
        int code = images ? 0 : images.error().code;
        bool late = code == EALREADY || (code == EPERM && refusal_.word.empty());
        if (images || !again || !late || deadline.passed()) return images;
        tracee::let_go_of_late();
        TRY(keep_sessions());
        TRY(body_.finish_leaving());
        (void)::usleep(2000);
    }
}

Status Steward::move_out(
    wire::Landing const& landing, Progress& progress, std::optional<tracee::Tracee> held) {
    auto before = tracee::read_stat(body_.pid());
    Status done = split(landing, progress, std::move(held));
    // What was found out of another program that it was by then means nothing.
    auto now = tracee::read_stat(body_.pid());
    if (!done && before && now && now->arg_start != before->arg_start) refusal_.word = "exec";
    return done;
}

Status Steward::split(
    wire::Landing const& landing, Progress& progress, std::optional<tracee::Tracee> held) {
    Body::Awake awake(body_);
    TRY(check_asker(body_.pid(), asker_, refusal_));
    if (held || !makes_rounds(mode_)) forget_kept(); // it executes another program
    check_kept(landing);
    if (!body_.mapped()) TRY(body_.reopen_memory()); // it may have executed another program since
    Survey found = TRY(survey_again());
    TRY(check_locked_files(body_.pid(), found.mappings, refusal_));
    TRY(body_.prepare(found));
    body_.set_idle([this] { return keep_sessions(); });
    uint32_t epoch = body_.mapped() ? TRY(body_.epoch()) + 1 : 1;
    // What the host is told first is a forecast.
    TRY(leases_.take(body_.pid(), found.mappings, refusal_));
    wire::Layout expected = TRY(layout_of(steady_mappings(found.mappings)));
    if (mode_ == Mode::post_copy)
        expected.present =
            warden::subtract(expected.present, may_be_late(expected, expected.present));
    wire::Layout layout; // the final one, when frozen
    uint64_t memory = wire::bytes_of(expected.present);
    Rounds rounds(progress.freeze);
    progress.phase("survey");

    Session session = TRY(Session::connect(landing, epoch));
    other_ = &session;
    struct Forget {
        Session*& other;
        ~Forget() { other = nullptr; }
    } forget{other_};
    std::vector<wire::Range> polled;
    Ranges late; // not at the host when it begins there
    std::unique_ptr<Outward> outward;
    bool was_held = held.has_value();
    // Files may take seconds.
    auto let_go = [&] {
        if (progress.held.count() == 0) return;
        held.reset();
        progress.stopped += monotonic_now() - std::exchange(progress.held, Nanos(0));
    };
    // Until the commit an error leaves the program running at home and ends the guest there.
    auto attempt = [&]() -> Status {
        auto told = expected.vmas;
        auto prepared = TRY(prepare_host(session, epoch, std::move(expected), let_go));
        host_takes_late_ = prepared.takes_late != 0;
        outward = take_kept(prepared, told);
        if (!outward) TRY(refresh_flags(body_.pid(), body_.region(), found, refusal_));
        if (!held && !outward) TRY(bring_new_files(session, found, told));
        Fd pages = TRY(connect_to(landing, wire::Kind::pages, 0, epoch));
        std::vector<Fd> links;
        for (uint32_t i = 1; i <= found.threads; ++i)
            links.push_back(TRY(connect_to(landing, wire::Kind::link, i, epoch)));
        FAULT_POINT("after_prepare");
        progress.phase("prepare");
        if (!held && !outward && found.stat.state != 'T' && makes_rounds(mode_))
            outward = TRY(begin_outward(std::move(told), memory, rounds, progress, held));
        progress.cut = held.has_value() && !was_held;
        if (outward) {
            TRY(send_ahead(session, pages, found, *outward, rounds, progress));
            progress.phase("ahead");
        } else if (!held && (!host_takes_late_ || never_late(mode_))) {
            TRY(check_freeze(Nanos(0), memory));
        }

        bool just_begun = held.has_value() && !progress.cut;
        auto images = TRY(enter(found, progress, std::move(held)));
        progress.phase("enter");
        auto frozen = [&]() -> Status {
            TRY(check_asker(body_.pid(), asker_, refusal_));
            found.mappings = TRY(read_mappings(body_.pid(), found.mappings));
            if (outward) hide_watch(found.mappings);
            TRY(check_mappings(body_.pid(), found.mappings, body_.region(), refusal_));
            TRY(leases_.take(body_.pid(), found.mappings, refusal_));
            TRY(take_own_files(found.mappings));
            wire::ProcessState state = TRY(body_.process_state(std::move(images)));
            state.account = account_;
            auto control = TRY(body_.control());
            if (control.cpu_timer != 0)
                return refusal_.because("cpu_timer", "it has a timer that runs on CPU time");
            remapped_ = control.remapped;
            layout = TRY(layout_of(found.mappings));
            layout.brk_start = state.brk_start;
            layout.brk_now = state.brk_now;
            Ranges missing =
                outward ? TRY(missing_there(session, layout, *outward)) : layout.present;
            polled = pages_of_waits(state.threads);
            if (!just_begun) late = postponed(layout, state.threads, missing, rounds, progress);
            // What deputies' calls write to must be there first.
            late = warden::subtract(late, polled);
            missing = warden::subtract(missing, late);
            TRY(check_freeze(monotonic_now() - progress.frozen, wire::bytes_of(missing)));
            wire::Layout at_once = layout;
            at_once.present = warden::subtract(layout.present, late);
            if (!late.empty()) TRY(session.send(SessionType::late, wire::Pages{late}));
            TRY(settle_layout(session, at_once));
            TRY(send_all_commons(session, layout, progress));
            TRY(session.send(SessionType::state, state));
            FAULT_POINT("after_state");
            TRY(check_waits(layout, polled));
            progress.phase("state");
            TRY(body_.write_token(landing.token, epoch));
            for (auto const& image : state.threads) {
                if (image.slot > links.size())
                    links.push_back(TRY(connect_to(landing, wire::Kind::link, image.slot, epoch)));
                TRY(body_.give_link(image.slot, links[image.slot - 1].number()));
            }
            uint64_t const before = progress.bytes;
            TRY(send_memory(session, pages, layout, missing, progress));
            uint64_t const sent = progress.bytes - before;
            FAULT_POINT("after_pages");
            progress.phase("memory");
            TRY(session.send(
                SessionType::pages_done, wire::PagesDone{progress.bytes, progress.bytes}));
            TRY(await_ready(session, sent));
            TRY(body_.write_landing(landing, epoch));
            FAULT_POINT("before_commit");
            TRY(session.receive()); // a host that has died by now is not moved to
            TRY(check_freeze(monotonic_now() - progress.frozen, 0));
            return body_.commit(wire::Phase::serving, epoch);
        };
        Status committed = frozen();
        if (committed) return {};
        give_own_files_back();
        (void)body_.release();
        return committed;
    };
    Status done = attempt();
    if (!done) {
        (void)session.send(SessionType::abort);
        progress.thawed = monotonic_now();
        return done;
    }
    // From here on the process lives at the host, whatever happens.
    (void)fault_point("after_commit");
    (void)body_.set_phase(wire::Phase::serving);
    begin_there(session);
    progress.thawed = monotonic_now();
    progress.phase("commit");
    last_layout_ = std::move(layout);
    host_ = landing.node;
    away_since_ = monotonic_now();
    session_.emplace(std::move(session));
    resumed_ = true;
    (void)fault_point("after_running");
    unneeded_watch_ = std::move(outward);
    progress.late = wire::bytes_of(late);
    progress.bytes += progress.late;
    if (late.empty()) {
        drop_pages(found.mappings, found.stat, polled);
    } else {
        held_.clear();
        stale_.clear();
        owing_.emplace(Owing{std::move(found.mappings), found.stat, polled, true});
        (void)sys::set_dead_peer_timeout(session_->fd(), stalled_limit);
    }
    if (polled.empty()) empty_all_commons();
    deputys_ = std::move(polled);
    serve_late_for_a_while();
    return {};
}

} // namespace rove::migrate
