// SPDX-License-Identifier: Apache-2.0
// Userfault: the first, short stop of a process that is to leave while it runs on.
//
// Which pages it writes is told by a userfaultfd of its address space, which only one of its own
// threads can make. The process is stopped for that call, and one that takes the descriptor away;
// it is ours then, and what it watches is given up when we close it, or die.
#include "migrate/body.hh"

#include <algorithm>

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include "base/fault.hh"
#include "base/text.hh"
#include "sys/files.hh"
#include "sys/process.hh"

namespace rove::migrate {

namespace {

// A thread that is busy in the kernel for longer is not waited for by all others.
constexpr Nanos seize_patience = std::chrono::milliseconds(50);
constexpr int64_t interrupted_wait = -516; // ERESTART_RESTARTBLOCK

std::optional<uint64_t> sleeps_of(pid_t pid, pid_t tid) {
    auto status = sys::read_file(fmt::format("/proc/{}/task/{}/status", pid, tid));
    if (!status || !tracee::status_line(*status, "State").starts_with("S")) return std::nullopt;
    auto sleeps = parse_number<uint64_t>(tracee::status_line(*status, "voluntary_ctxt_switches"));
    return sleeps ? std::optional(*sleeps) : std::nullopt;
}

} // namespace

Status Body::call_in(tracee::Tracee& held, std::function<Status(Call const&)> const& calls) {
    if (!tracee::still_there(gadgets_, memory_))
        gadgets_ = TRY(tracee::find_gadgets(pid_, memory_));
    auto& leader = held.leader();
    image::FrameParts frame;
    auto settled = leader.registers;
    // Should we die meanwhile, a wait begins anew: only the kernel knows the rest of its time.
    if (tracee::settle_interrupted(settled, leader.group_stopped) == tracee::Interrupted::restart) {
        auto number = settled.orig_rax != SYS_restart_syscall
                          ? Result<uint64_t>(settled.orig_rax)
                          : restarted_call(leader.tid, settled.rip);
        settled.rax = number ? *number : static_cast<uint64_t>(-EINTR);
        if (number) settled.rip -= 2;
        settled.orig_rax = ~uint64_t{0};
    }
    frame.registers = image::from_user_regs(settled);
    frame.xsave = TRY(held.xsave(leader));
    frame.mask = TRY(held.mask(leader));
    TRY(held.guard_calls(leader, memory_, gadgets_, frame, format_));
    Status done = calls([&](uint64_t number, uint64_t a, uint64_t b) {
        return held.call(leader, gadgets_, number, a, b);
    });
    TRY(held.end_calls(leader, memory_));
    return done;
}

Result<warden::Userfaults> Body::make_userfaults(Nanos& stood, std::optional<tracee::Tracee>& cut) {
    auto timed = timed_calls(); // they sleep no more when they are held
    warden::Userfaults ours;
    {
        struct Stop {
            Nanos& took;
            Nanos began = monotonic_now();
            ~Stop() { took = monotonic_now() - began; }
        } stop{stood};
        auto held = TRY(tracee::Tracee::seize(pid_, seize_patience));
        FAULT_POINT("watch_seized");
        for (auto const& thread : held.threads()) {
            if (!thread.group_stopped && !in_region(thread.registers.rip) &&
                !in_region(thread.registers.rsp))
                continue;
            return deny(EBUSY, "it is stopped, or on its way home");
        }
        if (in_transfer(held.threads())) {
            cut.emplace(std::move(held));
            return deny(EBUSY, "a transfer of it is under way");
        }
        note_waits(held.threads());
        TRY(call_in(held, [&](Call const& call) -> Status {
            constexpr uint64_t flags = O_CLOEXEC | UFFD_USER_MODE_ONLY;
            for (Fd* place : {&ours.watch, &ours.probe}) {
                int64_t made = TRY(call(SYS_userfaultfd, flags, 0));
                if (made < 0)
                    return fail(static_cast<int>(-made), "it cannot have its writes watched");
                auto taken = sys::pidfd_getfd(pidfd_.number(), static_cast<int>(made));
                Status allowed = fault_point("watch_made");
                (void)TRY(call(SYS_close, static_cast<uint64_t>(made), 0));
                TRY(allowed);
                *place = TRY(std::move(taken));
            }
            return {};
        }));
    }
    keep_timed(timed);
    FAULT_POINT("watch_let_go");
    return ours;
}

void Body::note_waits(std::vector<tracee::Thread> const& threads) {
    std::unordered_map<pid_t, Wait> waits;
    for (auto const& thread : threads) {
        auto const& registers = thread.registers;
        if (static_cast<int64_t>(registers.rax) != interrupted_wait) continue;
        uint64_t number = registers.orig_rax;
        if (number == SYS_restart_syscall) {
            auto before = restarted_call(thread.tid, registers.rip);
            if (!before) continue;
            number = *before;
        }
        waits[thread.tid] = {registers.rip, number};
    }
    waits_ = std::move(waits);
}

// Who was in a timed call of which we know the end is in it still, but has slept once more.
void Body::keep_timed(std::unordered_map<pid_t, TimedCall> const& timed) {
    if (timed.empty()) return;
    auto used = used_slots();
    auto outer = outer_tids();
    if (!used || !outer) return;
    for (uint32_t index = 1; index < wire::slots_max; ++index) {
        auto old = slot(index);
        if (!old || old->state == wire::SlotState::free) break;
        auto tid = outer->find(old->tid);
        if (tid == outer->end() || !timed.contains(tid->second)) continue;
        Deadline deadline = Deadline::after(std::chrono::milliseconds(2));
        std::optional<uint64_t> sleeps;
        while (!(sleeps = sleeps_of(pid_, tid->second)) && !deadline.passed()) {
        }
        uint64_t word = slot_address(index) + offsetof(wire::Slot, private_words) +
                        wire::sleeps_word * sizeof(uint64_t);
        (void)memory_.put(word, sleeps.value_or(0));
    }
}

// Nothing has been asked of it yet: "API:" stands for what it can do, then what it is to do.
Status Body::close_left_userfault() {
    std::vector<int> left;
    for (auto const& file : TRY(tracee::list_files(pid_)))
        if (tracee::is_blank_userfault(pid_, file)) left.push_back(file.number);
    if (left.empty()) return {};
    auto held = TRY(tracee::Tracee::seize(pid_, seize_patience));
    return call_in(held, [&](Call const& call) -> Status {
        for (int number : left)
            (void)TRY(call(SYS_close, static_cast<uint64_t>(number), 0));
        return {};
    });
}

} // namespace rove::migrate
