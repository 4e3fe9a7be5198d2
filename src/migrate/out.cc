// SPDX-License-Identifier: Apache-2.0
// Out: home → host. Survey, prepare the host, freeze, send, commit.
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
constexpr int clock_questions = 8, clock_questions_least = 3;
constexpr Nanos quick_answer = std::chrono::microseconds(150);
constexpr uint64_t segment_part = 1 << 20;
constexpr uint64_t page = 4096;
constexpr Nanos stalled_limit = std::chrono::seconds(10); // of a host that is sent pages
constexpr Nanos keep_pages = std::chrono::minutes(1);
constexpr uint64_t best_bytes_per_ns = 4;

// What home's clocks say at a moment of the host's. The host has read its own somewhere between
// question and answer, so the shortest round trip tells most exactly; the middle of it is taken.
Status compare_clocks(Session& session, wire::Prepare& prepare) {
    Nanos shortest = Nanos::max();
    for (int i = 0; i < clock_questions && (i < clock_questions_least || shortest > quick_answer);
         ++i) {
        Nanos asked = monotonic_now();
        TRY(session.send(SessionType::clock_request));
        auto answer = TRY(session.wait_for<wire::ClockReading>(SessionType::clock, short_patience));
        Nanos round_trip = monotonic_now() - asked;
        if (round_trip >= shortest) continue;
        shortest = round_trip;
        Clocks now = clocks_now();
        Nanos middle = asked + round_trip / 2, since = now.monotonic - middle;
        prepare.home_clock = {
            middle.count(), (now.boottime - since).count(), (now.realtime - since).count()};
        prepare.host_clock = answer;
    }
    return {};
}
} // namespace

void Steward::Progress::phase(char const* name) {
    Nanos now = monotonic_now();
    phases +=
        fmt::format("{}{} {}", phases.empty() ? "" : " ", name, (now - phase_began).count() / 1000);
    phase_began = now;
}

Result<wire::Layout> Steward::layout_of(std::vector<image::Mapping> const& mappings) {
    wire::Layout layout;
    layout.vmas =
        TRY(image::to_vmas(mappings, body_.region(), [this](image::Mapping const& mapping) {
            return segments_.place(body_.pid(), &body_.memory(), mapping);
        }));
    TRY(name_vdso(layout));
    auto pagemap = TRY(tracee::Pagemap::open(body_.pid()));
    for (auto const& vma : layout.vmas) {
        if (vma.kind == wire::VmaKind::vdso || vma.kind == wire::VmaKind::vvar) continue;
        TRY(pagemap.private_pages(vma.start, vma.end, tracee::backing_of(vma), layout.present));
    }
    return layout;
}

// The host's kernel may be another, and its vdso is another then. Also takes the list of segments.
Status Steward::name_vdso(wire::Layout& layout) {
    uint32_t index = TRY(segments_.place_vdso());
    for (auto& vma : layout.vmas)
        if (vma.kind == wire::VmaKind::vdso) vma.segment = index;
    layout.segments = segments_.keys();
    return {};
}

Status Steward::send_segments(Session& session, std::vector<uint32_t> const& indexes) {
    for (uint32_t index : indexes)
        TRY(send_segment(session, index, index));
    return {};
}

Status Steward::send_segment(Session& session, uint32_t index, uint32_t their_index) {
    if (index >= segments_.keys().size())
        return fail(EBADMSG, "the host asks for segment {}", index);
    uint64_t length = segments_.keys()[index].length;
    for (uint64_t at = 0; at < length || at == 0; at += segment_part) {
        wire::SegmentBytes part{their_index, at, TRY(segments_.read(index, at, segment_part))};
        TRY(session.send(SessionType::segment, part));
        TRY(keep_sessions());
        if (session_ && &session == &*session_ && !stands()) serve_without_moving();
    }
    return {};
}

Result<wire::Prepared> Steward::prepare_host(Session& session, uint32_t epoch, wire::Layout layout,
    std::function<void()> const& before_files) {
    wire::Prepare prepare;
    prepare.identity = order_.identity;
    prepare.epoch = epoch;
    prepare.region = body_.region();
    prepare.blob = warden::blob_identity();
    TRY(compare_clocks(session, prepare));
    prepare.xsave_size = body_.format().size;
    prepare.xfeatures = body_.format().features;
    prepare.user = order_.user;
    prepare.command = order_.command;
    char name[256] = "";
    (void)::gethostname(name, sizeof name - 1);
    prepare.hostname = name;
    if (::getdomainname(name, sizeof name - 1) == 0) prepare.domainname = name;
    prepare.cpu_count = static_cast<uint32_t>(::sysconf(_SC_NPROCESSORS_CONF));
    prepare.no_patch = order_.no_patch;
    if (kept_) prepare.kept = kept_->name;
    prepare.layout = std::move(layout);
    TRY(session.send(SessionType::prepare, prepare));
    return await_prepared(session, before_files);
}

Result<wire::Prepared> Steward::await_prepared(
    Session& session, std::function<void()> const& before_files) {
    auto wanted =
        TRY(session.wait_for<wire::SegmentsWanted>(SessionType::segments_wanted, short_patience));
    if (before_files && !wanted.indexes.empty()) before_files();
    TRY(send_segments(session, wanted.indexes));
    return session.wait_for<wire::Prepared>(SessionType::prepared, std::chrono::seconds(30));
}

// While that lasts, a program that starts maps more files: they are brought before it stands still,
// and not in its freeze. One that maps and maps is not waited for.
Status Steward::bring_new_files(Session& session, Survey& found, std::vector<wire::Vma>& told) {
    constexpr int looks_most = 5;
    for (int looks = 0; looks < looks_most; ++looks) {
        size_t known = segments_.keys().size();
        found.mappings = TRY(read_mappings(body_.pid(), found.mappings));
        auto steady = steady_mappings(found.mappings);
        if (segments_.keys().size() == known) return {};
        auto layout = TRY(layout_of(steady));
        TRY(session.send(SessionType::forecast, layout));
        TRY(await_prepared(session));
        told = std::move(layout.vmas);
    }
    return {};
}

// Without files whose mapping a program takes away while it is being read, and those that it has
// just written: they are read when it stands still.
std::vector<image::Mapping> Steward::steady_mappings(std::vector<image::Mapping> mappings) {
    std::erase_if(mappings, [&](auto const& mapping) {
        if (mapping.inode == 0) return false;
        if (image::is_written_file(mapping)) return true; // it is taken when all stands
        auto place = segments_.place(body_.pid(), nullptr, mapping);
        return !place || !segments_.settled(place->index);
    });
    return mappings;
}

Status Steward::settle_layout(Session& session, wire::Layout const& layout) {
    TRY(session.send(SessionType::layout, layout));
    for (;;) {
        auto frame = TRY(
            session.wait({SessionType::laid_out, SessionType::segments_wanted}, short_patience));
        if (frame.type == SessionType::laid_out) return {};
        auto wanted = wire::decode<wire::SegmentsWanted>(frame.body);
        if (!wanted) return fail(EBADMSG, "a malformed message from the host");
        TRY(send_segments(session, wanted->indexes));
    }
}

// Pages that the process itself may not read are sent by us, the others by its porter.
Status Steward::send_memory(
    Fd const& pages, wire::Layout const& layout, Ranges const& ranges, Progress& progress) {
    std::vector<wire::PageRange> readable;
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
                TRY(sys::send_all(pages.number(),
                    ByteView(reinterpret_cast<uint8_t const*>(&header), sizeof header)));
                TRY(sys::send_all(pages.number(), as_bytes(bytes)));
            }
            start = part_end;
        }
    }
    wire::Control control = TRY(body_.control());
    int there = TRY(body_.porter().take_fd(pages.number(), control.fd_first));
    Status sent = body_.porter().send_pages(there, readable);
    if (!sent)
        (void)::shutdown(
            pages.number(), SHUT_RDWR); // a porter that is still at it must not stay there
    (void)body_.porter().call(SYS_close, {static_cast<uint64_t>(there)});
    return sent;
}

namespace {

// Where the arrays of polls lie that deputies finish, which the kernel reads again, and what is
// left of sleeps, which it writes. Sorted, of whole pages.
std::vector<wire::Range> pages_of_waits(std::vector<wire::ThreadImage> const& threads) {
    constexpr size_t rdi = 8, rsi = 9; // in gregset_t's order
    std::vector<wire::Range> pages;
    for (auto const& image : threads) {
        wire::ThreadState state;
        if (image.thread_state.size() != sizeof state || image.registers.size() <= rsi) continue;
        std::memcpy(&state, image.thread_state.data(), sizeof state);
        if (state.sleep_remaining != 0) // of a sleep that home's kernel goes on with
            pages.push_back({state.sleep_remaining & ~(page - 1), 2 * page});
        if (state.pending != wire::Pending::call || state.rest_call != SYS_poll ||
            image.registers[rsi] == 0)
            continue;
        uint64_t start = image.registers[rdi] & ~(page - 1);
        uint64_t end =
            (image.registers[rdi] + image.registers[rsi] * sizeof(pollfd) + page - 1) & ~(page - 1);
        pages.push_back({start, end - start});
    }
    std::sort(pages.begin(), pages.end(),
        [](auto const& a, auto const& b) { return a.address < b.address; });
    // Arrays may share pages.
    std::vector<wire::Range> apart;
    for (auto const& range : pages) {
        uint64_t end = range.address + range.length;
        if (apart.empty() || apart.back().address + apart.back().length < range.address)
            apart.push_back(range);
        else
            apart.back().length = std::max(apart.back().length, end - apart.back().address);
    }
    return apart;
}

} // namespace

// P's memory is at the host now; what stays is file mappings without pages, and what `ps` shows.
// Anonymous pages are the kernel's to take at once; what it has not needed is given up a little
// later: a process that comes back soon finds its pages in place. Those that a call of a deputy
// still reads are kept.
void Steward::drop_pages(std::vector<image::Mapping> const& mappings, tracee::Stat const& stat,
    std::vector<wire::Range> const& kept) {
    uint64_t keep_start = stat.arg_start & ~(page - 1),
             keep_end = (stat.env_end + page - 1) & ~(page - 1);
    std::vector<wire::ExecCall> calls;
    bool hold = wire::bytes_of(last_layout_.present) <= wire::kept_bytes_max;
    held_ = hold ? warden::subtract(last_layout_.present, kept) : std::vector<wire::Range>{};
    lazily_held_ = !hold;
    stale_.clear();
    stale_until_ = monotonic_now() + keep_pages;
    auto drop = [&](image::Mapping const& mapping, uint64_t start, uint64_t end) {
        if (start >= end) return;
        bool anonymous = mapping.inode == 0;
        uint64_t advice = anonymous ? MADV_FREE : MADV_DONTNEED;
        for (auto const& [address, length] :
            warden::subtract({wire::Range{start, end - start}}, kept)) {
            if (!hold) calls.push_back({SYS_madvise, {address, length, advice}, -1});
            if (!hold && anonymous && (mapping.prot & PROT_WRITE) != 0)
                held_.push_back({address, length});
            if (hold || anonymous)
                stale_.push_back({SYS_madvise, {address, length, MADV_DONTNEED}, -1});
        }
    };
    for (auto const& mapping : mappings) {
        auto kind = image::kind_of(mapping);
        if (image::is_foreign(mapping, body_.region()) || mapping.shared ||
            kind == wire::VmaKind::vdso || kind == wire::VmaKind::vvar || mapping.has("lo"))
            continue;
        drop(mapping, mapping.start, std::min(mapping.end, std::max(mapping.start, keep_start)));
        drop(mapping, std::max(mapping.start, std::min(mapping.end, keep_end)), mapping.end);
    }
    if (!hold) held_ = warden::intersect(held_, last_layout_.present);
    unneeded_ = std::move(calls);
}

// While the program runs there; it takes a tenth of a second for some gigabytes.
void Steward::tidy_after_move() {
    if (!unneeded_.empty()) (void)body_.porter().calls_tolerant(unneeded_);
    unneeded_.clear();
    unneeded_watch_.reset();
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
            for (auto const& image : state.threads) {
                if (image.slot > links.size())
                    links.push_back(TRY(connect_to(landing, wire::Kind::link, image.slot, epoch)));
                TRY(body_.give_link(image.slot, links[image.slot - 1].number()));
            }
            TRY(send_memory(pages, layout, missing, progress));
            FAULT_POINT("after_pages");
            progress.phase("memory");
            TRY(session.send(
                SessionType::pages_done, wire::PagesDone{progress.bytes, progress.bytes}));
            TRY(await_ready(session));
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
