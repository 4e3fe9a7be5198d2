// SPDX-License-Identifier: Apache-2.0
// Afloat: see afloat.hh.
#include "tracee/afloat.hh"

#include <algorithm>

#include <sys/ptrace.h>
#include <sys/wait.h>

#include "sys/files.hh"
#include "tracee/proc.hh"
#include "tracee/stops.hh"

namespace rove::tracee {

namespace {
constexpr Nanos stop_patience = std::chrono::milliseconds(500);
constexpr Nanos settle_patience = std::chrono::seconds(1);
} // namespace

Afloat::Afloat(Tracee&& held, uint64_t begin, uint64_t end)
    : pid_(held.pid()), begin_(begin), end_(end) {
    for (Thread const& thread : held.threads())
        (void)trace(PTRACE_SETOPTIONS, thread.tid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE);
    put_back(std::move(held));
}

Afloat::~Afloat() {
    bool stays = false;
    for (pid_t tid : threads_)
        (void)trace(PTRACE_INTERRUPT, tid, 0, 0);
    while (!threads_.empty()) {
        pid_t tid = threads_.back();
        threads_.pop_back();
        auto status = wait_stop(tid, Deadline::after(stop_patience));
        if (!status || !WIFSTOPPED(*status)) continue;
        if (*status >> 16 == clone_event) {
            unsigned long born = 0;
            if (trace(PTRACE_GETEVENTMSG, tid, 0, &born) == 0) add({static_cast<pid_t>(born)});
        }
        if (*status >> 16 == interrupt_event && is_stop_signal(WSTOPSIG(*status))) stays = true;
        (void)trace(PTRACE_DETACH, tid, 0, to_give(tid, *status));
    }
    for (int signal : owed_)
        (void)::kill(pid_, signal);
    // Whoever looks next shall not find it running: what it sees goes to the host.
    Deadline deadline = Deadline::after(settle_patience);
    while (stays && !deadline.passed()) {
        auto stat = read_stat(pid_);
        if (!stat || stat->state == 'T' || stat->state == 'Z') return;
        nap();
    }
}

bool Afloat::has(pid_t tid) const {
    return std::find(threads_.begin(), threads_.end(), tid) != threads_.end();
}

void Afloat::add(std::vector<pid_t> const& born) {
    for (pid_t tid : born)
        if (!has(tid)) threads_.push_back(tid);
}

// It stands somewhere. Where it may leave the runtime, each system call is a place to look: the
// last one there is rt_sigreturn, and it stops behind it.
void Afloat::set_going(pid_t tid, int signal) {
    user_regs_struct registers{};
    bool leaves = end_ != 0;
    bool out = leaves && trace(PTRACE_GETREGS, tid, 0, &registers) == 0 &&
               (registers.rip < begin_ || registers.rip >= end_);
    if (out) std::erase(threads_, tid);
    (void)trace(out ? PTRACE_DETACH : leaves ? PTRACE_SYSCALL : PTRACE_CONT, tid, 0, signal);
}

void Afloat::stopped(pid_t tid, int status) {
    if (!WIFSTOPPED(status)) {
        std::erase(threads_, tid);
        return;
    }
    if (status >> 16 == clone_event) {
        unsigned long born = 0;
        if (trace(PTRACE_GETEVENTMSG, tid, 0, &born) == 0) add({static_cast<pid_t>(born)});
    }
    set_going(tid, to_give(tid, status));
}

// A signal that ends the process waits, as natively, until that goes on: it would strike now.
int Afloat::to_give(pid_t tid, int status) {
    int signal = signal_of(status);
    if (signal == 0 || !is_fatal_by_default(signal)) return signal;
    auto text = sys::read_file(fmt::format("/proc/{}/task/{}/status", pid_, tid));
    auto handled = text ? parse_signals(*text, "SigCgt") : Result<uint64_t>(Failure(text.error()));
    if (!handled || (*handled >> (signal - 1) & 1) != 0) return signal;
    owed_.push_back(signal);
    return 0;
}

void Afloat::look_after() {
    // By index: a thread that is made meanwhile comes to the end.
    for (size_t i = 0; i < threads_.size();) {
        pid_t tid = threads_[i];
        int status = 0;
        pid_t got = ::waitpid(tid, &status, __WALL | WNOHANG);
        if (got == tid)
            stopped(tid, status);
        else if (got < 0 && errno == ECHILD)
            std::erase(threads_, tid);
        if (i < threads_.size() && threads_[i] == tid) ++i;
    }
}

Result<Tracee> Afloat::hold(pid_t tid, Nanos patience) {
    look_after();
    if (!has(tid)) return fail(ESRCH, "thread {} has been let go", tid);
    Tracee tracee(tid);
    Thread thread{tid, {}, false, false};
    (void)trace(PTRACE_INTERRUPT, tid, 0, 0);
    auto here = tracee.stop(thread, Deadline::after(patience));
    add(std::exchange(tracee.born_, {}));
    if (!here) return Failure(here.error());
    std::erase(threads_, tid);
    if (!*here) return fail(ESRCH, "thread {} has ended", tid);
    tracee.threads_.push_back(thread);
    return tracee;
}

void Afloat::put_back(Tracee&& held) {
    add(std::exchange(held.born_, {}));
    for (Thread const& thread : std::exchange(held.threads_, {})) {
        threads_.push_back(thread.tid);
        set_going(thread.tid, 0);
    }
}

void Afloat::let_out(uint64_t begin, uint64_t end) {
    begin_ = begin;
    end_ = end;
    for (pid_t tid : std::vector<pid_t>(threads_)) {
        if (trace(PTRACE_INTERRUPT, tid, 0, 0) != 0) continue;
        if (auto status = wait_stop(tid, Deadline::after(stop_patience))) stopped(tid, *status);
    }
}

} // namespace rove::tracee
