// SPDX-License-Identifier: Apache-2.0
// Arrive: from prepare to commit. See warden.hh and the conversation in wire/session.hh.
//
// The guest's builder performs lists of commands in order, so a step is queued as a whole and its
// last command's reply ends it. Numbers of descriptors in the guest are chosen here: it has none
// but those that it is given.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "base/fault.hh"
#include "base/log.hh"
#include "sandbox/user_namespace.hh"
#include "sys/files.hh"
#include "sys/sockets.hh"
#include "warden/blob_identity.hh"
#include "warden/mapping.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::ExecCall;
using wire::ExecOp;
using wire::ExecReply;
using wire::SessionType;
using wire::Vma;
using wire::VmaKind;

namespace {

// Descriptor numbers in the guest.
constexpr int command_number = 16;
constexpr int service_number = command_number + 1;
constexpr int pages_number = command_number + 2;
constexpr int segments_first = command_number + 4;
constexpr int links_first = command_number + 8; // plus the slot: segments are closed by then

constexpr uint64_t address_end = 0x7ffffffff000;
constexpr uint32_t spare_slot = wire::slots_max - 1;

ExecCall call_of(uint64_t number, std::vector<uint64_t> const& args, int64_t want) {
    ExecCall call{};
    call.number = number;
    std::copy(args.begin(), args.end(), call.args);
    call.want = want;
    return call;
}

// Within what a clock of a machine can say: sums with it cannot overflow.
Status check_clock(int64_t time) {
    if (time < 0 || time > int64_t{1} << 61) return fail(EBADMSG, "a clock that says {} ns", time);
    return {};
}

uint64_t host_xfeatures() {
    uint32_t low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return uint64_t{high} << 32 | low;
}

} // namespace

Status Warden::prepare(wire::Prepare message) {
    FAULT_POINT("warden_prepare");
    if (message.identity != order_.identity)
        return deny(EPERM, "another process than was announced");
    if (message.blob != blob_identity()) {
        error_reason_ = "wrong_version";
        return fail(EPROTO, "home runs another version of the runtime");
    }
    if (message.identity.pid <= 1) {
        error_reason_ = "pid_1";
        return deny(ENOTSUP, "PID {} cannot be away", message.identity.pid);
    }
    if ((message.xfeatures & ~host_xfeatures()) != 0) {
        error_reason_ = "cpu_features";
        return deny(ENOTSUP, "this CPU lacks state that the process may use");
    }
    if (message.region % wire::region_align != 0 || message.region == 0 ||
        message.region > address_end - wire::region_align)
        return fail(EBADMSG, "a region at {:#x}", message.region);
    if (message.hostname.size() > 64 || message.domainname.size() > 64)
        return fail(EBADMSG, "a host name of {} bytes", message.hostname.size());
    prepare_ = std::move(message);
    auto const &home = prepare_->home_clock, &host = prepare_->host_clock;
    for (auto const* clock : {&home, &host})
        for (int64_t time : {clock->monotonic_ns, clock->boottime_ns, clock->realtime_ns})
            TRY(check_clock(time));
    monotonic_ahead_ = Nanos(home.monotonic_ns - host.monotonic_ns);
    boottime_ahead_ = Nanos(home.boottime_ns - host.boottime_ns);
    enter(Stage::building);
    TRY(create_guest());
    return bring(std::move(prepare_->layout));
}

Status Warden::create_guest() {
    TRY(sandbox::set_clocks(monotonic_ahead_, boottime_ahead_));
    auto [command, command_theirs] = TRY(sys::socket_pair(SOCK_STREAM));
    auto [service, service_theirs] = TRY(sys::socket_pair(SOCK_SEQPACKET));
    Birth birth;
    birth.order = &*prepare_;
    birth.fd_first = command_number;
    bool own_user = order_.guest_uid != 0;
    birth.uid = own_user ? sandbox::guest_uid : sandbox::warden_uid;
    birth.gid = birth.uid;
    birth.realtime_offset_ns = prepare_->home_clock.realtime_ns - prepare_->host_clock.realtime_ns;
    birth.command = command_theirs.number();
    birth.service = service_theirs.number();
    guest_ = TRY(Guest::create(birth));
    builder_ = Builder(std::move(command));
    service_ = std::move(service);
    watch_builder();
    watch_guest();

    for (auto const& directory : order_.cgroups) {
        if (auto moved =
                sys::write_knob(directory + "/cgroup.procs", std::to_string(guest_->pid()));
            !moved)
            LOG(warn, "the guest cannot be put into its cgroup: {}", moved.error().sentence());
    }
    if (order_.nice != 0)
        (void)setpriority(PRIO_PROCESS, static_cast<id_t>(guest_->pid()), order_.nice);
    if (order_.oom_score_adj != 0)
        (void)guest_->set_proc_file("oom_score_adj", std::to_string(order_.oom_score_adj));
    tell_daemon("", "");
    return {};
}

Status Warden::bring(wire::Layout layout) {
    if (auto sound = check_layout(layout, prepare_->region); !sound) return sound;
    target_ = std::move(layout);
    auto missing = TRY(segments_.open(target_.segments, segments_used(target_.vmas)));
    segments_missing_ = !missing.empty();
    if (stage_ == Stage::building || segments_missing_) {
        TRY(send(SessionType::segments_wanted, wire::SegmentsWanted{missing}));
    }
    if (!segments_missing_) apply_layout();
    return {};
}

// The guest is a copy of its warden: all of that goes, but vdso and vvar, which move to where home
// has them. They wait in the region meanwhile, since old and new places may overlap.
std::vector<ExecCall> Warden::clear_address_space(std::vector<Vma> const& vmas) {
    std::vector<ExecCall> calls;
    struct Move {
        uint64_t from, to, length, parked;
    };
    std::vector<Move> moves;
    uint64_t const spare = wire::slot_address(prepare_->region, spare_slot);
    uint64_t parked = spare;
    auto maps = guest_->maps();
    std::vector<image::Mapping> own;
    for (auto const& mapping : maps ? *maps : std::vector<image::Mapping>{})
        if (mapping.path == "[vdso]" || mapping.path.starts_with("[vvar")) own.push_back(mapping);
    size_t at = 0;
    for (auto const& vma : vmas) {
        if (vma.kind != VmaKind::vdso && vma.kind != VmaKind::vvar) continue;
        bool fits = at < own.size() && (own[at].path == "[vdso]") == (vma.kind == VmaKind::vdso) &&
                    own[at].size() == vma.end - vma.start;
        if (!fits) {
            error_reason_ = "other_kernel_vdso";
            return {};
        }
        moves.push_back({own[at].start, vma.start, own[at].size(), parked});
        parked += own[at].size();
        ++at;
    }
    if (!maps || at != own.size() || parked > spare + wire::slot_size) {
        error_reason_ = "other_kernel_vdso";
        return {};
    }
    for (auto const& move : moves)
        calls.push_back(call_of(SYS_mremap,
            {move.from, move.length, move.length, MREMAP_MAYMOVE | MREMAP_FIXED, move.parked},
            static_cast<int64_t>(move.parked)));
    uint64_t region_end = prepare_->region + wire::region_size;
    calls.push_back(call_of(SYS_munmap, {0, prepare_->region}, 0));
    calls.push_back(call_of(SYS_munmap, {region_end, address_end - region_end}, 0));
    for (auto const& move : moves)
        calls.push_back(call_of(SYS_mremap,
            {move.parked, move.length, move.length, MREMAP_MAYMOVE | MREMAP_FIXED, move.to},
            static_cast<int64_t>(move.to)));
    calls.push_back(call_of(SYS_mmap,
        {spare, wire::slot_size, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, ~0ull, 0},
        static_cast<int64_t>(spare)));
    for (uint64_t advice : {MADV_DONTFORK, MADV_DONTDUMP})
        calls.push_back(call_of(SYS_madvise, {spare, wire::slot_size, advice}, whatever_result));
    return calls;
}

void Warden::apply_layout() {
    std::vector<Vma> wanted = writable_where_present(target_.vmas, target_.present);
    std::vector<ExecCall> calls;
    if (first_layout_) {
        calls = clear_address_space(target_.vmas);
        if (calls.empty()) {
            trouble(error_reason_, Error(ENOTSUP, "this host's kernel has another vdso"));
            return end("it failed before the commit");
        }
        first_layout_ = false;
    }
    std::map<uint32_t, int> numbers;
    auto mapping = mapping_calls(applied_, wanted, [&](uint32_t segment) {
        auto [found, fresh] =
            numbers.try_emplace(segment, segments_first + static_cast<int>(numbers.size()));
        return found->second;
    });
    // In the order of their numbers, so that each lands on its own.
    std::map<int, uint32_t> in_order;
    for (auto const& [segment, number] : numbers)
        in_order[number] = segment;
    for (auto const& [number, segment] : in_order) {
        auto duplicate = sys::duplicate(segments_.number(segment));
        if (!duplicate) {
            trouble("", duplicate.error());
            return end("it failed before the commit");
        }
        builder_.give(std::move(*duplicate), static_cast<uint64_t>(number),
            [](ExecReply const&, std::string_view) {});
    }
    calls.insert(calls.end(), mapping.begin(), mapping.end());
    for (auto const& [number, segment] : in_order)
        calls.push_back(call_of(SYS_close, {static_cast<uint64_t>(number)}, 0));
    builder_.calls(calls, [this](Status done) {
        if (done) return;
        trouble("", done.error());
        end("it failed before the commit");
    });
    applied_ = std::move(wanted);
    if (huge_.empty()) {
        huge_ = worth_huge_pages(target_.vmas, target_.present);
        std::vector<ExecCall> advice;
        for (auto const& range : huge_)
            advice.push_back(call_of(
                SYS_madvise, {range.address, range.length, MADV_HUGEPAGE}, whatever_result));
        builder_.calls(advice, [](Status) {});
    }
    // Huge pages are made when their content comes, one fault for 512 pages: a page that has just
    // been cleared is still in the cache, and clearing goes on while the sender works.
    auto small = subtract(subtract(target_.present, populated_), huge_);
    for (auto const& batch : populate_batches(small)) {
        std::string_view bytes(
            reinterpret_cast<char const*>(batch.data()), batch.size() * sizeof batch[0]);
        builder_.command(ExecOp::populate, {}, bytes, [](ExecReply const&, std::string_view) {});
    }
    populated_ = target_.present;
    builder_.calls({}, [this](Status) { laid_out(); });
    serve_builder();
}

void Warden::laid_out() {
    if (ended_) return;
    bool first = stage_ == Stage::building;
    enter(first ? Stage::prepared : Stage::arriving);
    (void)send(first ? SessionType::prepared : SessionType::laid_out, wire::Empty{});
    if (!first) receive_pages();
}

void Warden::receive_pages() {
    if (!pages_ || receiving_) return;
    receiving_ = true;
    builder_.give(std::move(pages_), pages_number, [](ExecReply const&, std::string_view) {});
    pages_ = Fd();
    builder_.command(
        ExecOp::receive, {pages_number}, {}, [this](ExecReply const& reply, std::string_view) {
            if (reply.result < 0) {
                trouble(
                    "", Error(static_cast<int>(-reply.result), "the guest's pages did not come"));
                return end("it failed before the commit");
            }
            received_bytes_ = static_cast<uint64_t>(reply.result);
        });
    watch_writes();
    auto calls = mapping_calls(applied_, target_.vmas, [](uint32_t) { return -1; });
    applied_ = target_.vmas;
    calls.push_back(call_of(SYS_close, {pages_number}, 0));
    builder_.calls(calls, [this](Status done) {
        if (done) {
            received_ = true;
            return import_threads();
        }
        trouble("", done.error());
        end("it failed before the commit");
    });
    serve_builder();
}

// In the guest's own name, as the watch is one of its address space. Not every kernel can do it,
// and nothing but speed depends on it.
void Warden::watch_writes() {
    constexpr uint64_t flags = O_CLOEXEC | UFFD_USER_MODE_ONLY;
    builder_.command(ExecOp::call, {flags, 0, 0, 0, 0, 0, SYS_userfaultfd}, {},
        [this](ExecReply const& made, std::string_view) {
            if (made.result < 0 || ended_) return;
            auto there = static_cast<uint64_t>(made.result);
            Fd ours(static_cast<int>(syscall(SYS_pidfd_getfd, guest_->pidfd(), there, 0)));
            builder_.command(ExecOp::call, {there, 0, 0, 0, 0, 0, SYS_close}, {},
                [](ExecReply const&, std::string_view) {});
            if (!ours) return;
            uint64_t bytes = 0;
            for (auto const& range : target_.present)
                bytes += range.length;
            // Of a larger one nobody keeps the pages; it is watched when it is to go
            // (take_written).
            bool kept = bytes <= wire::kept_bytes_max;
            auto watch = WriteWatch::begin(
                std::move(ours), applied_, kept ? target_.present : std::vector<wire::Range>{});
            if (watch) watch_ = std::move(*watch);
        });
}

Status Warden::state(wire::ProcessState message) {
    FAULT_POINT("warden_state");
    if (message.threads.empty() || message.threads.size() >= wire::slots_max)
        return fail(EBADMSG, "a state with {} threads", message.threads.size());
    if (message.actions.size() != sizeof(wire::Control::actions))
        return fail(EBADMSG, "{} bytes of signal actions", message.actions.size());
    for (int64_t time : {message.monotonic_ns, message.coarse_ns, message.boottime_ns})
        TRY(check_clock(time));
    std::set<uint32_t> slots;
    for (auto const& thread : message.threads) {
        if (thread.slot == 0 || thread.slot >= spare_slot || !slots.insert(thread.slot).second)
            return fail(EBADMSG, "a thread in slot {}", thread.slot);
        if (thread.thread_state.size() != sizeof(wire::ThreadState))
            return fail(EBADMSG, "{} bytes of thread state", thread.thread_state.size());
    }
    if (message.threads[0].tid != prepare_->identity.pid)
        return fail(EBADMSG, "the first thread is {}, not the leader", message.threads[0].tid);
    state_ = std::move(message);
    TRY(write_state());
    set_limits();
    import_threads();
    return {};
}

Status Warden::write_state() {
    image::XsaveFormat format{prepare_->xsave_size, prepare_->xfeatures};
    for (auto const& thread : state_->threads) {
        uint64_t address = guest_->slot(thread.slot);
        slots_end_ = std::max(slots_end_, thread.slot + 1);
        wire::Slot slot{};
        slot.index = thread.slot;
        slot.tid = thread.tid;
        slot.state = wire::SlotState::starting;
        slot.link_fd = links_first + static_cast<int>(thread.slot);
        slot.link_ready = 1;
        slot.home_reason = ~0u;
        std::memcpy(&slot.thread, thread.thread_state.data(), sizeof slot.thread);
        slot.thread.cpu_before_ns += std::exchange(slot.thread.cpu_here_ns, 0);
        slot.frame = image::frame_address(address + wire::slot_frame_offset);
        auto frame = TRY(image::build_frame(
            slot.frame, {thread.registers, thread.xsave, slot.thread.mask}, format));
        if (frame.size() > wire::slot_frame_size - 64)
            return fail(EBADMSG, "a frame of {} bytes", frame.size());
        slot.frame_length = frame.size();
        TRY(guest_->write(slot.frame, frame.data(), frame.size()));
        TRY(guest_->write(address, &slot, sizeof slot));
    }
    TRY(guest_->write(guest_->control_field(offsetof(wire::Control, actions)),
        state_->actions.data(), state_->actions.size()));
    TRY(guest_->put(guest_->control_field(offsetof(wire::Control, brk_start)), state_->brk_start));
    TRY(guest_->put(guest_->control_field(offsetof(wire::Control, brk_now)), state_->brk_now));
    TRY(open_account(state_->account));
    return guest_->put(guest_->control_field(offsetof(wire::Control, threads)),
        static_cast<uint32_t>(state_->threads.size()));
}

// Limits that the host's kernel must hold for the guest; the rest are home's business.
void Warden::set_limits() {
    constexpr __rlimit_resource which[] = {
        RLIMIT_STACK, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_AS, RLIMIT_MEMLOCK};
    for (size_t i = 0; i < std::size(which) && 2 * i + 1 < state_->limits.size(); ++i) {
        rlimit now{};
        if (prlimit(guest_->pid(), which[i], nullptr, &now) != 0) continue;
        rlimit wanted{state_->limits[2 * i], state_->limits[2 * i + 1]};
        // Raising the hard limit is not ours to do.
        wanted.rlim_max = std::min(wanted.rlim_max, now.rlim_max);
        wanted.rlim_cur = std::min(wanted.rlim_cur, wanted.rlim_max);
        (void)prlimit(guest_->pid(), which[i], &wanted, nullptr);
    }
}

// When pages, state and all links are here: the threads are made and wait for the commit.
void Warden::import_threads() {
    if (!state_ || !received_ || importing_ || ended_) return;
    for (auto const& thread : state_->threads)
        if (!links_.contains(thread.slot)) return;
    importing_ = true;
    // In ascending order each link finds its number free.
    std::set<uint32_t> slots;
    for (auto const& thread : state_->threads)
        slots.insert(thread.slot);
    // Links of threads that ended before the freeze: the next thread in such a slot gets one of its
    // own.
    std::erase_if(links_, [&](auto const& link) { return !slots.contains(link.first); });
    auto failed = [this](Error const& error) {
        if (ended_) return;
        trouble("", error);
        end("it failed before the commit");
    };
    for (uint32_t slot : slots) {
        int number = links_first + static_cast<int>(slot);
        // We keep a duplicate: it tells when home is gone.
        auto duplicate = sys::duplicate(links_.at(slot).number());
        if (!duplicate) return failed(duplicate.error());
        builder_.give(std::move(*duplicate), static_cast<uint64_t>(number),
            [failed, number](ExecReply const& reply, std::string_view) {
                if (reply.result != number)
                    failed(Error(EPROTO, fmt::format("a link got number {}", reply.result)));
            });
        handed_.insert(slot);
        watch_link(slot, links_.at(slot).number());
    }
    for (size_t i = 1; i < state_->threads.size(); ++i) {
        auto const& thread = state_->threads[i];
        builder_.command(ExecOp::start, {thread.slot}, {},
            [failed, tid = thread.tid](ExecReply const& reply, std::string_view) {
                if (reply.result != tid)
                    failed(Error(reply.result < 0 ? static_cast<int>(-reply.result) : EPROTO,
                        fmt::format("cannot make thread {}", tid)));
            });
    }
    builder_.calls({}, [this](Status) {
        if (ended_) return;
        if (auto allowed = fault_point("warden_before_ready"); !allowed) {
            trouble("", allowed.error());
            return end("it failed before the commit");
        }
        enter(Stage::ready);
        (void)send(SessionType::ready, wire::Ready{received_bytes_});
    });
    serve_builder();
}

// Clocks of two machines are never compared exactly: the guest goes on when its clocks here say at
// least what it may have read before. The coarse one counts in ticks.
void Warden::await_clocks() const {
    constexpr Nanos most = std::chrono::milliseconds(20);
    Nanos behind =
        await_clock(CLOCK_MONOTONIC, Nanos(state_->monotonic_ns) - monotonic_ahead_, most);
    behind = std::max(
        behind, await_clock(CLOCK_BOOTTIME, Nanos(state_->boottime_ns) - boottime_ahead_, most));
    behind = std::max(behind,
        await_clock(CLOCK_MONOTONIC_COARSE, Nanos(state_->coarse_ns) - monotonic_ahead_, most));
    if (behind > Nanos(0)) LOG(warn, "the guest's clocks go back by {} us", behind.count() / 1000);
}

Status Warden::commit() {
    FAULT_POINT("warden_commit");
    await_clocks();
    TRY(guest_->put(
        guest_->control_field(offsetof(wire::Control, watched)), uint32_t{watch_ ? 1u : 0u}));
    TRY(offer_patches());
    for (auto const& vma : target_.vmas) {
        if (vma.kind != VmaKind::vdso) continue;
        TRY(guest_->put(guest_->control_field(offsetof(wire::Control, vdso_begin)), vma.start));
        TRY(guest_->put(guest_->control_field(offsetof(wire::Control, vdso_end)), vma.end));
    }
    TRY(guest_->set_phase(wire::Phase::serving));
    uint64_t phase = guest_->control_field(offsetof(wire::Control, phase));
    constexpr uint64_t wake_private = 0x81;
    builder_.command(ExecOp::call, {phase, wake_private, 0x7fffffff, 0, 0, 0, SYS_futex}, {},
        [](ExecReply const&, std::string_view) {});
    builder_.run(state_->threads[0].slot);
    enter(Stage::running);
    serve_builder();
    watch_service();
    TRY(send(SessionType::running, wire::Empty{}));
    tell_daemon("arrived", "");
    return fault_point("warden_running");
}

void Warden::watch_builder() {
    builder_watched_ = true;
    loop_.watch(builder_.number(), POLLIN, [this](short) { serve_builder(); });
}

void Warden::serve_builder() {
    if (!builder_ || ended_) return;
    auto served = builder_.flush();
    if (served) served = builder_.serve();
    if (ended_) return;
    if (!served) {
        loop_.unwatch(builder_.number());
        builder_.close();
        // It closes its end when it becomes the program; before that it has died.
        if (stage_ < Stage::running) {
            trouble("", served.error());
            end("it failed before the commit");
        }
        return;
    }
    short events = POLLIN;
    if (builder_.wants_write()) events |= POLLOUT;
    loop_.watch(builder_.number(), events, [this](short) { serve_builder(); });
}

} // namespace rove::warden
