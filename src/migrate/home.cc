// SPDX-License-Identifier: Apache-2.0
// Home: host → home. Park the guest, make P's memory like the guest's, commit, let go.
//
// Until the commit the guest stands parked at the host with all its state; if anything fails it
// goes on there. What has been changed in P's memory by then does no harm: a deputy uses its region
// only.
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fault.hh"
#include "base/log.hh"
#include "image/layout.hh"
#include "migrate/preflight.hh"
#include "migrate/steward.hh"
#include "sys/files.hh"
#include "warden/mapping.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {
constexpr Nanos park_patience = std::chrono::seconds(10);
constexpr Nanos reach_patience = std::chrono::seconds(2);
constexpr Nanos resume_patience = std::chrono::seconds(2);
constexpr Nanos links_patience = std::chrono::seconds(2);
constexpr Nanos clock_patience = std::chrono::milliseconds(20);
constexpr uint64_t page = 4096;
constexpr uint64_t dontneed_locked = 24; // MADV_DONTNEED_LOCKED
constexpr uint64_t none = ~uint64_t{0};

// Ranges of pages that are there, as a question: is all of [start, end) among them?
bool covered(std::vector<wire::Range> const& present, uint64_t start, uint64_t end) {
    for (auto const& range : present) {
        if (range.address > start) return false;
        uint64_t range_end = range.address + range.length;
        if (range_end > start) start = range_end;
        if (start >= end) return true;
    }
    return start >= end;
}

// As the program has it: memory of the two kinds does not merge.
uint64_t reserve_flag(wire::Vma const& vma) {
    return (vma.advice & image::advice_noreserve) != 0 ? MAP_NORESERVE : 0;
}

} // namespace

// What the host has said of a park that was called off must not be taken for the next one's.
Status Steward::await_resumed() {
    if (resumed_) return {};
    Deadline deadline = Deadline::after(resume_patience);
    for (;;) {
        auto running = session_->wait({SessionType::running}, deadline.left());
        if (running) break;
        // What was the trouble before is no answer to this.
        if (running.error().code != EIO || session_->trouble().guest_ended || deadline.passed())
            return Failure(running.error());
    }
    session_->forget({SessionType::parked, SessionType::pages_sent, SessionType::commons_bytes,
        SessionType::group_home, SessionType::group_go});
    group_leaves_ = false;
    resumed_ = true;
    return {};
}

Result<wire::Parked> Steward::park() {
    TRY(await_resumed());
    // Home goes on again, and the loop may not have told the host yet. What is still stopped parks
    // before it does anything else.
    if (!body_.afloat() && std::exchange(told_stopped_, false))
        TRY(session_->send(SessionType::cont));
    // A deputy that is between two links would miss that it was served for a moment, and wait out
    // the park.
    Deadline links = Deadline::after(links_patience);
    while (!TRY(body_.all_linked()) && !links.passed()) {
        serve_without_moving(); // of a new thread, which has none yet
        TRY(keep_sessions());
        (void)::usleep(30);
    }
    TRY(session_->send(SessionType::park));
    FAULT_POINT("park_sent");
    TRY(body_.set_phase(wire::Phase::parking));
    Deadline deadline = Deadline::after(park_patience);
    // A guest thread stands still only when its call has been answered: calls that block are called
    // off.
    for (;;) {
        serve_without_moving(); // a thread that is being made is made to its end
        give_missing_links();
        TRY(body_.cancel_calls(TRY(body_.used_slots())));
        auto frame = session_->wait({SessionType::parked}, std::chrono::milliseconds(5));
        if (frame) {
            auto parked = wire::decode<wire::Parked>(frame->body);
            if (!parked) return fail(EBADMSG, "a malformed message from {}", host_);
            TRY(await_ended(parked->state.threads));
            return std::move(*parked);
        }
        if (frame.error().code != ETIMEDOUT || session_->silent_for() > silence_limit)
            return Failure(frame.error());
        if (deadline.passed())
            return deny(
                ETIMEDOUT, "a thread does not come to a boundary ({})", body_.slot_states());
        TRY(keep_sessions()); // the next host as well
    }
}

// A thread that has ended there has ended here first, but may not have come to its last instruction
// yet.
Status Steward::await_ended(std::vector<wire::ThreadImage> const& living) {
    Deadline deadline = Deadline::after(park_patience);
    for (;;) {
        auto used = TRY(body_.used_slots());
        auto lives = [&](uint32_t slot) {
            return std::any_of(living.begin(), living.end(),
                [&](auto const& image) { return image.slot == slot; });
        };
        if (std::all_of(used.begin(), used.end(), lives)) return {};
        if (deadline.passed())
            return fail(
                EBADMSG, "{} of {} threads came from {}", living.size(), used.size(), host_);
        TRY(keep_sessions());
        (void)::usleep(50);
    }
}

void Steward::unpark() {
    if (!session_) return (void)body_.set_phase(wire::Phase::serving);
    resumed_ = !session_->send(SessionType::resume);
    (void)body_.set_phase(wire::Phase::serving);
    (void)await_resumed();
}

// A steward that has taken over knows only what P maps, and the former one may have been about to
// change that: the segment is looked for in the file that P still maps at its place. ~0: it is not
// there.
uint32_t Steward::find_segment(wire::Layout const& layout, uint32_t theirs) {
    auto text = sys::read_file(fmt::format("/proc/{}/smaps", body_.pid()));
    auto mappings = text ? image::parse_maps(*text)
                         : Result<std::vector<image::Mapping>>(Failure(text.error()));
    if (!mappings) return ~0u;
    auto const& wanted = layout.segments[theirs];
    for (auto const& mapping : *mappings) {
        if (wanted.commons == 0 || !image::is_commons(mapping)) continue;
        auto index = segments_.add_commons(body_.pid(), mapping);
        if (index && segments_.keys()[*index] == wanted) return *index;
    }
    if (wanted.commons != 0) return ~0u;
    uint64_t length = (wanted.length + page - 1) & ~(page - 1);
    std::optional<image::Mapping> changed;
    for (auto const& vma : layout.vmas) {
        if (vma.kind != wire::VmaKind::segment || vma.segment != theirs) continue;
        for (image::Mapping mapping : *mappings) {
            uint64_t file_at_zero = mapping.offset - mapping.start;
            uint64_t first = file_at_zero + vma.start - vma.offset;
            if (mapping.inode == 0 || mapping.start > vma.start || mapping.end <= vma.start ||
                first % page != 0)
                continue;
            mapping.start = vma.start - vma.offset;
            mapping.end = mapping.start + length;
            mapping.offset = first;
            if (auto known = segments_.add_known(body_.pid(), mapping, layout.segments[theirs]))
                return *known;
            if (!changed) changed = mapping;
        }
    }
    return changed ? segments_.add_changed(*changed, layout.segments[theirs]) : ~0u;
}

// The host's account of the memory: checked, and its segments renumbered to ours.
Status Steward::take_layout(wire::Layout& layout) {
    std::vector<uint32_t> ours;
    for (auto const& key : layout.segments) {
        auto index = segments_.find(key);
        ours.push_back(
            index ? *index
                  : find_segment(layout, static_cast<uint32_t>(&key - layout.segments.data())));
    }
    TRY(image::check_vmas(layout.vmas, body_.region(), layout.segments.size()));
    for (auto& vma : layout.vmas) {
        if (vma.kind != wire::VmaKind::segment) continue;
        vma.segment = ours[vma.segment];
        if (vma.segment == ~0u) return deny(ENOENT, "{} maps a segment that is not ours", host_);
    }
    TRY(name_vdso(layout));
    TRY(image::check_pages(layout.present));
    size_t at = 0;
    for (auto const& range : layout.present) {
        uint64_t start = range.address, end = range.address + range.length;
        // All within mappings: nothing of P's own could be written otherwise.
        while (start < end) {
            while (at < layout.vmas.size() && layout.vmas[at].end <= start)
                ++at;
            if (at == layout.vmas.size() || layout.vmas[at].start > start ||
                layout.vmas[at].kind == wire::VmaKind::vdso ||
                layout.vmas[at].kind == wire::VmaKind::vvar)
                return fail(EBADMSG, "pages outside of all mappings from {}", host_);
            start = std::min(end, layout.vmas[at].end);
        }
    }
    return {};
}

Status Steward::reconcile(wire::Layout const& layout, std::vector<image::Mapping> const& before,
    std::vector<wire::Range>& kept) {
    auto& porter = body_.porter();
    if (layout.brk_now != 0)
        (void)porter.call(SYS_brk, {layout.brk_now}); // an earlier attempt may have changed it
    auto mappings = TRY(read_mappings(body_.pid(), before));
    if (TRY(body_.control()).remapped != remapped_) kept.clear();
    auto steps = image::reconcile(mappings, layout.vmas, body_.region(),
        [&](image::Mapping const& mapping, wire::Vma const& vma) {
            if (vma.kind == wire::VmaKind::segment)
                return mapping.shared == ((vma.advice & image::advice_shared) != 0) &&
                       segments_.shows(mapping, vma.segment, vma.offset, vma.start);
            // A file that was mapped while away is memory there, not reserved (guest/mapping.cc);
            // if all of it comes, the mapping may stay. What else lies there has taken the file's
            // place.
            if ((vma.advice & image::advice_noreserve) == 0) return false;
            uint64_t start = std::max(mapping.start, vma.start),
                     end = std::min(mapping.end, vma.end);
            return !mapping.shared && covered(layout.present, start, end);
        });
    std::vector<wire::ExecCall> calls, advice;
    std::vector<wire::Range> remade;
    auto commons_of = [&](image::Step const& step) {
        auto const& vma = layout.vmas[step.argument];
        return step.what == image::Step::What::map_segment && segments_.is_commons(vma.segment);
    };
    for (auto const& step : steps) {
        using What = image::Step::What;
        auto prot = static_cast<uint64_t>(step.prot);
        if (commons_of(step)) {
            remade.push_back({step.address, step.length});
            TRY(map_commons(layout.vmas[step.argument], step, calls));
            continue;
        }
        switch (step.what) {
        case What::unmap:
            remade.push_back({step.address, step.length});
            calls.push_back({SYS_munmap, {step.address, step.length}, 0});
            break;
        case What::map_segment: // its content is written below, as memory
        case What::map_anonymous:
            remade.push_back({step.address, step.length});
            calls.push_back({SYS_mmap,
                {step.address, step.length, prot,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
                        reserve_flag(layout.vmas[step.argument]),
                    none, 0},
                static_cast<int64_t>(step.address)});
            break;
        case What::protect:
            calls.push_back({SYS_mprotect, {step.address, step.length, prot}, 0});
            break;
        case What::advise:
            advice.push_back({SYS_madvise, {step.address, step.length, step.argument}, -1});
            break;
        case What::grow_stack: {
            TRY(porter.calls(calls));
            calls.clear();
            uint64_t zero = 0;
            (void)porter.perform(wire::ExecOp::write, {step.address},
                std::string_view(reinterpret_cast<char*>(&zero), 8));
            break;
        }
        }
    }
    std::sort(remade.begin(), remade.end(),
        [](auto const& a, auto const& b) { return a.address < b.address; });
    kept = warden::subtract(kept, remade);
    // Pages that P still has are of the time when it left. Where new content comes, they may serve
    // to hold it.
    stale_.clear();
    bool locked = std::any_of(
        mappings.begin(), mappings.end(), [](auto const& mapping) { return mapping.has("lo"); });
    std::vector<wire::ExecCall> give_up;
    for (auto const& vma : layout.vmas) {
        if (vma.kind == wire::VmaKind::vdso || vma.kind == wire::VmaKind::vvar) continue;
        std::vector<wire::Range> old{{vma.start, vma.end - vma.start}};
        old = warden::subtract(old, vma.kind == wire::VmaKind::segment ? kept : layout.present);
        for (auto const& range : old)
            give_up.push_back({SYS_madvise,
                {range.address, range.length, locked ? dontneed_locked : MADV_DONTNEED}, -1});
    }
    TRY(porter.calls(calls));
    // Locked memory keeps its old content where the kernel cannot do it (before 5.18): that must
    // not be overlooked.
    TRY(locked ? porter.calls(give_up) : porter.calls_tolerant(give_up));
    TRY(porter.calls_tolerant(advice));
    for (auto const& step : steps) {
        if (step.what != image::Step::What::map_segment || commons_of(step)) continue;
        auto const& vma = layout.vmas[step.argument];
        uint64_t skip = step.address - vma.start;
        for (uint64_t at = 0; at < step.length; at += 1 << 20) {
            std::string bytes = TRY(segments_.read(vma.segment, vma.offset + skip + at,
                std::min<uint64_t>(1 << 20, step.length - at)));
            if (bytes.empty()) break;
            TRY(body_.memory().write_forced(step.address + at, bytes.data(), bytes.size()));
        }
    }
    return {};
}

Status Steward::fetch_memory(PageLine& pages, wire::Layout const& layout,
    std::vector<wire::Range> const& wanted, Progress& progress) {
    auto& porter = body_.porter();
    // The porter receives into the pages themselves: they are writable for as long as that takes.
    std::vector<wire::ExecCall> open, close;
    size_t at = 0;
    for (auto const& vma : layout.vmas) {
        while (at < wanted.size() && wanted[at].address + wanted[at].length <= vma.start)
            ++at;
        bool here = at < wanted.size() && wanted[at].address < vma.end;
        if (!here || (vma.prot & PROT_WRITE) != 0) continue;
        open.push_back({SYS_mprotect, {vma.start, vma.end - vma.start, PROT_READ | PROT_WRITE}, 0});
        close.push_back({SYS_mprotect, {vma.start, vma.end - vma.start, vma.prot}, 0});
    }
    TRY(porter.calls(open));
    TRY(fetch(pages, wanted, false, progress));
    close.push_back({SYS_close, {static_cast<uint64_t>(std::exchange(pages.there, -1))}, -1});
    return porter.calls(close);
}

Status Steward::put_threads(wire::ProcessState const& state) {
    auto used = TRY(body_.used_slots());
    if (state.actions.size() != sizeof wire::Control::actions)
        return fail(EBADMSG, "signal actions of {} bytes", state.actions.size());
    TRY(body_.memory().write(body_.control_address() + offsetof(wire::Control, actions),
        state.actions.data(), state.actions.size()));
    std::vector<uint32_t> seen;
    for (auto const& image : state.threads) {
        if (std::find(used.begin(), used.end(), image.slot) == used.end() ||
            std::find(seen.begin(), seen.end(), image.slot) != seen.end())
            return fail(EBADMSG, "a thread in slot {} that is not ours from {}", image.slot, host_);
        seen.push_back(image.slot);
        wire::ThreadState thread;
        if (image.thread_state.size() != sizeof thread)
            return fail(EBADMSG, "a thread's state of {} bytes", image.thread_state.size());
        std::memcpy(&thread, image.thread_state.data(), sizeof thread);
        uint64_t address = body_.slot_address(image.slot);
        uint64_t frame_at = image::frame_address(address + wire::slot_frame_offset);
        auto area = TRY(image::unpack_area(as_bytes(image.xsave), body_.format()));
        std::string frame = TRY(image::build_frame(
            frame_at, {image.registers, std::move(area), thread.mask}, body_.format()));
        TRY(body_.memory().write(frame_at, frame.data(), frame.size()));
        TRY(body_.memory().put(address + offsetof(wire::Slot, frame), frame_at));
        TRY(body_.memory().put(
            address + offsetof(wire::Slot, frame_length), uint64_t{frame.size()}));
        TRY(body_.memory().put(address + offsetof(wire::Slot, thread), thread));
    }
    if (seen.size() != used.size())
        return fail(EBADMSG, "{} of {} threads came from {}", seen.size(), used.size(), host_);
    return {};
}

Status Steward::move_home(Progress& progress) {
    Body::Awake awake(body_);
    body_.set_idle([this] { return keep_sessions(); });
    TRY(body_.keep_afloat());
    TRY(await_resumed()); // it would end the new connection
    TRY(finish_late(true));
    // What P maps is changed by forwarded calls only, and those that change it show in its maps.
    auto before = TRY(look_at_held());
    TRY(secure_held(before));
    if (auto watched = watch_return(before); !watched)
        LOG(note, "nothing will be kept of it: {}", watched.error().sentence());
    PageLine pages = TRY(open_page_line());
    make_pages();
    (void)session_->wait({SessionType::reached}, reach_patience); // without, it only takes longer
    // The program may take away, on either side, what is being sent; then all comes when it stands.
    if (auto ahead = fetch_ahead(pages, before, progress); !ahead) {
        LOG(note, "not fetched ahead: {}", ahead.error().sentence());
        held_.clear();
        (void)body_.porter().call(SYS_close, {static_cast<uint64_t>(pages.there)});
        pages = TRY(open_page_line());
        (void)session_->wait({SessionType::reached}, reach_patience);
    }
    progress.phase("pages");
    progress.frozen = monotonic_now();
    wire::Layout left; // as the guest stands
    bool shares = false;
    auto attempt = [&]() -> Status {
        wire::Parked parked = TRY(park());
        FAULT_POINT("parked");
        progress.phase("park");
        TRY(take_layout(parked.layout));
        TRY(image::check_pages(parked.unchanged));
        auto kept =
            warden::intersect(warden::intersect(held_, parked.unchanged), parked.layout.present);
        TRY(reconcile(parked.layout, before, kept));
        FAULT_POINT("home_reconciled");
        progress.phase("reconcile");
        TRY(fetch_memory(
            pages, parked.layout, warden::subtract(parked.layout.present, kept), progress));
        FAULT_POINT("home_pages");
        progress.phase("memory");
        TRY(put_threads(parked.state));
        // The host's idea of our clocks may have been ahead of them by a little: none goes back for
        // the program.
        auto seen = [](int64_t time) { return Nanos(std::max<int64_t>(time, 0)); };
        (void)await_clock(CLOCK_MONOTONIC, seen(parked.state.monotonic_ns), clock_patience);
        (void)await_clock(CLOCK_BOOTTIME, seen(parked.state.boottime_ns), clock_patience);
        (void)await_clock(CLOCK_MONOTONIC_COARSE, seen(parked.state.coarse_ns), clock_patience);
        for (auto const& key : parked.commons)
            TRY(bring_commons(key, progress));
        TRY(bring_own_files(progress));
        if (parked.shares != 0) TRY(await_group());
        FAULT_POINT("home_before_commit");
        account_ = parked.state.account;
        left = std::move(parked.layout);
        shares =
            parked.shares != 0 || !parked.commons.empty() || TRY(body_.control()).own_files != 0;
        return body_.commit(wire::Phase::released, TRY(body_.epoch()) + 1);
    };
    Status done = attempt();
    held_.clear();
    if (!done) {
        returning_.reset();
        if (pages.there >= 0)
            (void)body_.porter().call(SYS_close, {static_cast<uint64_t>(pages.there)});
        unpark();
        progress.thawed = monotonic_now();
        return done;
    }
    (void)fault_point("home_after_commit");
    serve_without_moving(); // what was said before all stood is in there: children may have been
                            // born
    give_own_files_back();
    Status released = body_.release();
    progress.thawed = released ? body_.released_at() : monotonic_now();
    progress.phase("release");
    if (!released) LOG(warn, "{}", released.error().sentence());
    if (!keep_there(std::move(left), shares, before)) (void)session_->send(SessionType::let_go);
    session_.reset();
    owing_.reset();
    leases_.give_back();
    postponed_.clear();
    host_ = order_.node;
    home_since_ = monotonic_now();
    return {};
}

} // namespace rove::migrate
