// SPDX-License-Identifier: Apache-2.0
// Tracee: a process all of whose threads are held by ptrace.
//
// Seized and interrupted, never attached: no signal is made, a stopped process stays stopped, and
// signals that were on their way are delivered first. Whatever happens to the tracer, the kernel
// lets go of the threads; a thread that is then inside a remote call restores itself, because the
// call returns into a signal frame that was laid down before (guard_calls).
//
// Belongs to one thread of the tracer, as ptrace wants it.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>
#include <sys/user.h>

#include "base/clock.hh"
#include "base/result.hh"
#include "image/frame.hh"
#include "tracee/memory.hh"

namespace rove::tracee {

// What the kernel had in mind for a thread that was caught in a system call.
enum class Interrupted {
    no,      // the registers are the program's
    again,   // the call is to be made again: the registers say so now
    restart, // the kernel keeps the rest of its time (-ERESTART_RESTARTBLOCK); registers untouched
};
// Sets the registers to where the program would go on by itself, orig_rax to -1 unless `restart`.
// `stopped`: by a signal, so that an EINTR is the program's own, as signal(7) tells for stops.
Interrupted settle_interrupted(user_regs_struct& registers, bool stopped);

struct RseqArea {
    uint64_t address = 0;
    uint32_t size = 0, signature = 0, flags = 0;
};

struct Thread {
    pid_t tid = 0;
    user_regs_struct registers{};
    bool group_stopped = false; // the process is stopped by a signal such as SIGSTOP
    bool called = false;        // a remote call was made: the thread is no longer in its first stop
};

// Where `syscall; ret` and `mov $15, %eax; syscall` stand in a process's text; 0: nowhere.
struct Gadgets {
    uint64_t call = 0;      // address of `syscall`, followed by `ret`
    uint64_t lone_call = 0; // address of any `syscall`
    uint64_t back = 0;      // rt_sigreturn
};
Result<Gadgets> find_gadgets(pid_t pid, RemoteMemory const& memory);
// They were found in a program that has run since.
bool still_there(Gadgets const& gadgets, RemoteMemory const& memory);

class Tracee {
public:
    // Stops all threads, new ones included. Fails with EBUSY if one cannot be stopped in time, with
    // EPERM if there is no right to trace; ESRCH: gone.
    static Result<Tracee> seize(pid_t pid, Nanos patience = std::chrono::seconds(5));
    // Stops one thread of a process.
    static Result<Tracee> seize_thread(pid_t tid, Nanos patience);
    // Seizes without stopping and waits for the next exec, where it stops. Its leader is then held.
    static Result<Tracee> seize_at_exec(pid_t pid);

    Tracee(Tracee&& other) noexcept;
    Tracee& operator=(Tracee&&) = delete;
    // Lets go of all threads that are still held, with the registers they have.
    ~Tracee();

    pid_t pid() const { return pid_; }
    std::vector<Thread>& threads() { return threads_; }
    Thread& leader() { return threads_.front(); }

    // A thread that stands in [begin, end) goes on until it is out of there, instruction by
    // instruction; ETIMEDOUT if it stays in it for too long. A signal that comes meanwhile is
    // delivered.
    Status step_out(Thread& thread, uint64_t begin, uint64_t end);
    Status set_registers(Thread& thread, user_regs_struct const& registers);
    Result<std::string> xsave(Thread const& thread) const;
    Result<uint64_t> mask(Thread const& thread) const;
    Status set_mask(Thread const& thread, uint64_t mask) const;
    Result<RseqArea> rseq(Thread const& thread) const;

    // System calls made by `thread` at gadgets.call. `frame_below`: registers and mask to come back
    // to if the tracer dies meanwhile; put into memory below the red zone and taken away after.
    Status guard_calls(Thread& thread, RemoteMemory const& memory, Gadgets const& gadgets,
        image::FrameParts const& frame, image::XsaveFormat const& format);
    Result<int64_t> call(Thread& thread, Gadgets const& gadgets, uint64_t number, uint64_t a = 0,
        uint64_t b = 0, uint64_t c = 0, uint64_t d = 0, uint64_t e = 0, uint64_t f = 0);
    // Registers and memory as before guard_calls; the thread is again in a stop from which the
    // kernel restarts an interrupted call.
    Status end_calls(Thread& thread, RemoteMemory const& memory);

    Status detach(Thread& thread);

    // Waits for a seized leader's exec. True: it stands at the first instruction of the new
    // program. False after the patience. ESRCH: it has ended.
    Result<bool> wait_exec(Nanos patience);

private:
    friend class Afloat; // of threads that run on
    explicit Tracee(pid_t pid) : pid_(pid) {}
    Result<bool> stop(Thread& thread, Deadline deadline); // false: the thread has ended
    void note_born(pid_t creator);

    struct Guard {
        uint64_t address = 0;
        std::string covered;
        user_regs_struct original{};
        uint64_t mask = 0; // of the program
        user_regs_struct base{};
        bool self_returning = false;
        bool under_way = false; // it was given up while the kernel had it
    };
    // A call that has ended with EINTR only because of the seizure is made again; all others the
    // kernel itself makes again, or ends, when it lets go of their threads.
    void make_call_again(Thread& thread);
    pid_t pid_;
    std::vector<Thread> threads_;
    std::vector<pid_t> unstopped_; // seized, not yet stopped
    std::vector<pid_t> born_;      // made by these threads, traced as they are (Afloat)
    Guard guard_;
    bool waits_for_exec_ = false;
};

// Threads that stood still when they were to be stopped, in a frozen cgroup for one, stop when they
// go on, and then nobody waits for them: they are let go. Not while a Tracee lives.
void let_go_of_late();

} // namespace rove::tracee
