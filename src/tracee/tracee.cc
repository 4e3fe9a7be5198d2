// SPDX-License-Identifier: Apache-2.0
// Tracee: seize, remote calls, detach.
#include "tracee/tracee.hh"

#include <algorithm>
#include <cstring>

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "sys/files.hh"
#include "tracee/proc.hh"
#include "tracee/stops.hh"

namespace rove::tracee {

namespace {

constexpr uint64_t all_blocked = ~uint64_t{0};

// Calls that end with EINTR when a tracer stops them although no signal has come.
bool disturbed_by_stop(uint64_t number) {
    switch (number) {
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case 441 /* epoll_pwait2 */:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
    case SYS_accept:
    case SYS_accept4:
    case SYS_connect:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
    case SYS_read:
    case SYS_readv:
    case SYS_write:
    case SYS_writev:
    case SYS_semop:
    case SYS_semtimedop:
    case SYS_rt_sigtimedwait:
    case SYS_io_getevents:
    case 333 /* io_pgetevents */:
    case SYS_mq_timedsend:
    case SYS_mq_timedreceive:
        return true;
    default:
        return false;
    }
}

} // namespace

Interrupted settle_interrupted(user_regs_struct& registers, bool stopped) {
    auto number = static_cast<int64_t>(registers.orig_rax);
    if (number < 0) return Interrupted::no;
    auto result = static_cast<int64_t>(registers.rax);
    bool again = result == -512 || result == -513 || result == -514 ||
                 (result == -EINTR && !stopped && disturbed_by_stop(registers.orig_rax));
    if (result == -516) return Interrupted::restart;
    if (again) {
        registers.rip -= 2;
        registers.rax = registers.orig_rax;
    }
    registers.orig_rax = all_blocked; // -1: no call
    return again ? Interrupted::again : Interrupted::no;
}

Tracee::Tracee(Tracee&& other) noexcept
    : pid_(other.pid_),
      threads_(std::move(other.threads_)),
      unstopped_(std::move(other.unstopped_)),
      born_(std::move(other.born_)),
      guard_(std::move(other.guard_)),
      waits_for_exec_(other.waits_for_exec_) {
    other.threads_.clear();
    other.unstopped_.clear();
}

Tracee::~Tracee() {
    for (pid_t tid : unstopped_) {
        Thread thread{tid, {}, false, false};
        (void)trace(PTRACE_INTERRUPT, tid, 0, 0);
        if (auto stopped = stop(thread, Deadline::after(std::chrono::milliseconds(200)));
            stopped && *stopped) {
            make_call_again(thread);
            (void)trace(PTRACE_DETACH, tid, 0, 0);
        }
    }
    while (!threads_.empty())
        (void)detach(threads_.back());
}

void let_go_of_late() {
    int status = 0;
    for (pid_t tid; (tid = ::waitpid(-1, &status, __WALL | WNOHANG)) > 0;) {
        if (!WIFSTOPPED(status)) continue;
        // What it was about to be given reaches it all the same.
        int signal = signal_of(status);
        (void)trace(PTRACE_DETACH, tid, 0, signal != SIGTRAP ? signal : 0);
    }
}

Result<bool> Tracee::stop(Thread& thread, Deadline deadline) {
    for (;;) {
        auto waited = wait_stop(thread.tid, deadline);
        if (!waited) {
            if (waited.error().gone()) return false;
            return Failure(waited.error());
        }
        int status = *waited;
        if (WIFEXITED(status) || WIFSIGNALED(status)) return false;
        int signal = WSTOPSIG(status);
        int event = status >> 16;
        if (event == interrupt_event) {
            thread.group_stopped = is_stop_signal(signal);
            break;
        }
        if (event == clone_event) note_born(thread.tid);
        // A signal on its way to the program is delivered first; the interrupt comes after it.
        if (trace(PTRACE_CONT, thread.tid, 0, signal_of(status)) != 0) return false;
    }
    if (trace(PTRACE_GETREGS, thread.tid, 0, &thread.registers) != 0) {
        if (errno == ESRCH) return false;
        return Failure(trace_error("read the registers of", thread.tid));
    }
    return true;
}

void Tracee::note_born(pid_t creator) {
    unsigned long tid = 0;
    if (trace(PTRACE_GETEVENTMSG, creator, 0, &tid) == 0) born_.push_back(static_cast<pid_t>(tid));
}

Result<Tracee> Tracee::seize(pid_t pid, Nanos patience) {
    Tracee tracee(pid);
    Deadline deadline = Deadline::after(patience);
    std::vector<pid_t> known;
    bool grown = true;
    while (grown) {
        grown = false;
        for (pid_t tid : TRY(list_threads(pid))) {
            if (std::find(known.begin(), known.end(), tid) != known.end()) continue;
            known.push_back(tid);
            grown = true;
            if (trace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD) != 0) {
                Error error = trace_error("seize", tid);
                // A thread that has just ended cannot be seized, and need not be.
                auto stat = parse_stat(
                    sys::read_file(fmt::format("/proc/{}/task/{}/stat", pid, tid)).value_or(""));
                bool ended = error.gone() || !stat || stat->state == 'Z' || stat->state == 'X';
                if (ended && tid != pid) continue;
                return Failure(error);
            }
            tracee.unstopped_.push_back(tid);
            if (trace(PTRACE_INTERRUPT, tid, 0, 0) != 0 && errno != ESRCH)
                return Failure(trace_error("interrupt", tid));
        }
        while (!tracee.unstopped_.empty()) {
            Thread thread{tracee.unstopped_.back(), {}, false, false};
            bool here = TRY(tracee.stop(thread, deadline));
            tracee.unstopped_.pop_back();
            if (here) tracee.threads_.push_back(thread);
        }
    }
    auto leader = std::find_if(tracee.threads_.begin(), tracee.threads_.end(),
        [pid](Thread const& thread) { return thread.tid == pid; });
    if (leader == tracee.threads_.end()) return fail(ESRCH, "process {} has ended", pid);
    std::iter_swap(tracee.threads_.begin(), leader);
    return tracee;
}

Result<Tracee> Tracee::seize_thread(pid_t tid, Nanos patience) {
    Tracee tracee(tid);
    if (trace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD) != 0)
        return Failure(trace_error("seize", tid));
    tracee.unstopped_.push_back(tid);
    if (trace(PTRACE_INTERRUPT, tid, 0, 0) != 0) return Failure(trace_error("interrupt", tid));
    Thread thread{tid, {}, false, false};
    bool here = TRY(tracee.stop(thread, Deadline::after(patience)));
    tracee.unstopped_.clear();
    if (!here) return fail(ESRCH, "thread {} has ended", tid);
    tracee.threads_.push_back(thread);
    return tracee;
}

Result<Tracee> Tracee::seize_at_exec(pid_t pid) {
    Tracee tracee(pid);
    if (trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC) != 0)
        return Failure(trace_error("seize", pid));
    tracee.unstopped_.push_back(pid);
    tracee.waits_for_exec_ = true;
    return tracee;
}

Result<bool> Tracee::wait_exec(Nanos patience) {
    Deadline deadline = Deadline::after(patience);
    for (;;) {
        int status = 0;
        pid_t got = ::waitpid(pid_, &status, __WALL | WNOHANG);
        if (got == 0) {
            if (deadline.passed()) return false;
            nap();
            continue;
        }
        if (got < 0 || WIFEXITED(status) || WIFSIGNALED(status)) {
            unstopped_.clear();
            return fail(ESRCH, "process {} has ended", pid_);
        }
        if (status >> 16 == PTRACE_EVENT_EXEC) break;
        int signal = WSTOPSIG(status);
        if (status >> 16 == interrupt_event) {
            // A group stop is kept as it is; anything else goes on.
            (void)trace(is_stop_signal(signal) ? PTRACE_LISTEN : PTRACE_CONT, pid_, 0, 0);
            continue;
        }
        (void)trace(PTRACE_CONT, pid_, 0, signal_of(status));
    }
    // From the exec's own stop on to the first instruction.
    Thread thread{pid_, {}, false, false};
    if (trace(PTRACE_INTERRUPT, pid_, 0, 0) != 0 || trace(PTRACE_CONT, pid_, 0, 0) != 0)
        return Failure(trace_error("hold", pid_));
    if (!TRY(stop(thread, Deadline::after(std::chrono::seconds(5))))) {
        unstopped_.clear();
        return fail(ESRCH, "process {} has ended", pid_);
    }
    unstopped_.clear();
    threads_ = {thread};
    return true;
}

// It is left to the kernel, which gives EINTR all the same if a handler runs first.
void Tracee::make_call_again(Thread& thread) {
    constexpr int64_t restart_without_handler = -514; // ERESTARTNOHAND
    auto settled = thread.registers;
    if (static_cast<int64_t>(settled.rax) != -EINTR ||
        settle_interrupted(settled, thread.group_stopped) != Interrupted::again)
        return;
    auto registers = thread.registers;
    registers.rax = static_cast<uint64_t>(restart_without_handler);
    (void)set_registers(thread, registers);
}

Status Tracee::step_out(Thread& thread, uint64_t begin, uint64_t end) {
    constexpr int steps_max = 10000;
    int deliver = 0;
    // A signal that came with a step goes with the next one, into its handler.
    for (int step = 0;
         deliver != 0 || (thread.registers.rip >= begin && thread.registers.rip < end); ++step) {
        if (step == steps_max)
            return fail(ETIMEDOUT, "thread {} does not leave {:#x}", thread.tid, begin);
        if (trace(PTRACE_SINGLESTEP, thread.tid, 0, deliver) != 0)
            return Failure(trace_error("step", thread.tid));
        int status = TRY(wait_stop(thread.tid, Deadline::after(std::chrono::seconds(1))));
        if (WIFEXITED(status) || WIFSIGNALED(status))
            return fail(ESRCH, "thread {} has gone", thread.tid);
        int signal = WSTOPSIG(status);
        if (status >> 16 == interrupt_event && is_stop_signal(signal)) thread.group_stopped = true;
        deliver = status >> 16 == 0 && signal != SIGTRAP ? signal : 0;
        if (trace(PTRACE_GETREGS, thread.tid, 0, &thread.registers) != 0)
            return Failure(trace_error("read the registers of", thread.tid));
    }
    return {};
}

Status Tracee::set_registers(Thread& thread, user_regs_struct const& registers) {
    if (trace(PTRACE_SETREGS, thread.tid, 0, &registers) != 0)
        return Failure(trace_error("set the registers of", thread.tid));
    thread.registers = registers;
    return {};
}

Result<std::string> Tracee::xsave(Thread const& thread) const {
    std::string area(0x4000, '\0');
    iovec vector{area.data(), area.size()};
    if (trace(PTRACE_GETREGSET, thread.tid, NT_X86_XSTATE, &vector) != 0)
        return Failure(trace_error("read the extended state of", thread.tid));
    area.resize(vector.iov_len);
    return area;
}

Result<uint64_t> Tracee::mask(Thread const& thread) const {
    uint64_t mask = 0;
    if (trace(PTRACE_GETSIGMASK, thread.tid, sizeof mask, &mask) != 0)
        return Failure(trace_error("read the signal mask of", thread.tid));
    return mask;
}

Status Tracee::set_mask(Thread const& thread, uint64_t mask) const {
    if (trace(PTRACE_SETSIGMASK, thread.tid, sizeof mask, &mask) != 0)
        return Failure(trace_error("set the signal mask of", thread.tid));
    return {};
}

Result<RseqArea> Tracee::rseq(Thread const& thread) const {
    struct {
        uint64_t pointer;
        uint32_t size, signature, flags, padding;
    } area{};
    if (trace(0x420f, thread.tid, sizeof area, &area) < 0) {
        if (errno == EIO || errno == EINVAL) return RseqArea{}; // a kernel without it
        return Failure(trace_error("read the rseq area of", thread.tid));
    }
    return RseqArea{area.pointer, area.size, area.signature, area.flags};
}

Status Tracee::guard_calls(Thread& thread, RemoteMemory const& memory, Gadgets const& gadgets,
    image::FrameParts const& frame, image::XsaveFormat const& format) {
    if (gadgets.lone_call == 0)
        return fail(ENOTSUP, "process {} has no system call instruction", pid_);
    guard_ = Guard{};
    guard_.original = thread.registers;
    guard_.base = thread.registers;
    guard_.base.orig_rax = all_blocked;
    // A signal that a call of ours let through would be taken from the program and thrown away.
    guard_.mask = TRY(mask(thread));
    TRY(set_mask(thread, all_blocked));
    guard_.base.rip = gadgets.call != 0 ? gadgets.call : gadgets.lone_call;
    if (gadgets.call == 0 || gadgets.back == 0) return {};
    uint64_t size = image::frame_size(format) + 16;
    uint64_t address = image::frame_address((thread.registers.rsp - 128 - size) & ~uint64_t{63});
    std::string bytes = TRY(image::build_frame(address, frame, format, gadgets.back));
    std::string covered(bytes.size(), '\0');
    // A stack with no room below is left alone: the call then depends on us for its microseconds.
    if (!memory.read(address, covered.data(), covered.size())) return {};
    if (!memory.write(address, bytes.data(), bytes.size())) return {};
    guard_.address = address;
    guard_.covered = std::move(covered);
    guard_.base.rsp = address;
    guard_.self_returning = true;
    return {};
}

Result<int64_t> Tracee::call(Thread& thread, Gadgets const&, uint64_t number, uint64_t a,
    uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
    user_regs_struct registers = guard_.base;
    registers.rax = number;
    registers.rdi = a;
    registers.rsi = b;
    registers.rdx = c;
    registers.r10 = d;
    registers.r8 = e;
    registers.r9 = f;
    TRY(set_registers(thread, registers));
    thread.called = true;
    Deadline deadline = Deadline::after(std::chrono::seconds(5));
    int deliver = 0;
    for (int stops = 0; stops < 2;) {
        if (trace(PTRACE_SYSCALL, thread.tid, 0, deliver) != 0)
            return Failure(trace_error("run a call in", thread.tid));
        deliver = 0;
        auto waited = wait_stop(thread.tid, deadline);
        if (!waited) {
            guard_.under_way = true;
            return Failure(waited.error());
        }
        int status = *waited;
        if (WIFEXITED(status) || WIFSIGNALED(status))
            return fail(ESRCH, "process {} has ended", pid_);
        int signal = WSTOPSIG(status), event = status >> 16;
        if (signal == syscall_trap) ++stops;
        // The instruction is not there any more, or what it has come to instead.
        else if (event == 0 && is_fault(signal))
            return fail(EFAULT, "process {} has changed its text", pid_);
        else if (event == 0)
            deliver = signal; // SIGSTOP, which cannot be blocked; the call goes on nevertheless
        else if (event == interrupt_event && is_stop_signal(signal))
            thread.group_stopped = true;
    }
    user_regs_struct after{};
    if (trace(PTRACE_GETREGS, thread.tid, 0, &after) != 0)
        return Failure(trace_error("read the registers of", thread.tid));
    return static_cast<int64_t>(after.rax);
}

Status Tracee::end_calls(Thread& thread, RemoteMemory const& memory) {
    // Frozen, or not scheduled for long: when it goes on, it needs its frame to find back.
    if (guard_.under_way) return fail(EBUSY, "a call in thread {} is still under way", thread.tid);
    if (guard_.self_returning)
        (void)memory.write(guard_.address, guard_.covered.data(), guard_.covered.size());
    guard_.self_returning = false;
    TRY(set_mask(thread, guard_.mask));
    return set_registers(thread, guard_.original);
}

Status Tracee::detach(Thread& thread) {
    pid_t tid = thread.tid;
    make_call_again(thread);
    // The kernel looks at an interrupted call (orig_rax) only on its way out of a stop for signals.
    if (thread.called && static_cast<int64_t>(thread.registers.orig_rax) >= 0) {
        user_regs_struct wanted = thread.registers;
        if (trace(PTRACE_INTERRUPT, tid, 0, 0) == 0 && trace(PTRACE_CONT, tid, 0, 0) == 0) {
            (void)stop(thread, Deadline::after(std::chrono::seconds(1)));
            (void)trace(PTRACE_SETREGS, tid, 0, &wanted);
        }
    }
    threads_.erase(std::find_if(
        threads_.begin(), threads_.end(), [tid](Thread const& other) { return other.tid == tid; }));
    if (trace(PTRACE_DETACH, tid, 0, 0) != 0) return Failure(trace_error("let go of", tid));
    return {};
}

} // namespace rove::tracee
