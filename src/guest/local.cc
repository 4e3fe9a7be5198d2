// SPDX-License-Identifier: Apache-2.0
// Local: calls that are the process's own business and need nobody else, and those by hand.
#include "guest/guest.hh"

#include "rt/memory.hh"

namespace rove::guest {

using wire::Pending;

namespace {

constexpr uint64_t page = 4096;
constexpr uint64_t up(uint64_t n) {
    return (n + page - 1) & ~(page - 1);
}

int64_t clock_ns(uint32_t clock) {
    int64_t time[2] = {};
    sys(228, clock, time);
    int64_t ahead = is_wall_clock(clock) ? wall_ahead() : 0;
    return time[0] * 1000000000 + time[1] + ahead;
}

/// A deadline on home's clock, as this host's kernel wants it.
void host_time(int64_t (&time)[2], uint64_t deadline_ns, bool wall_clock) {
    int64_t ns = static_cast<int64_t>(deadline_ns) - (wall_clock ? wall_ahead() : 0);
    if (ns < 0) ns = 0; // long ago
    time[0] = ns / 1000000000;
    time[1] = ns % 1000000000;
}

bool read_time(uint64_t at, int64_t* ns, long* error) {
    int64_t time[2];
    if (!copy_in(time, at, sizeof time)) {
        *error = -14;
        return false;
    }
    if (time[0] < 0 || time[1] < 0 || time[1] > 999999999) {
        *error = -22;
        return false;
    }
    constexpr int64_t most = INT64_MAX / 2 / 1000000000;
    *ns = (time[0] > most ? most : time[0]) * 1000000000 + time[1];
    return true;
}

/// The heap's end, kept by hand: R's own kernel has another one.
long move_break(uint64_t wanted) {
    auto& c = control();
    if (wanted < c.brk_start) return static_cast<long>(c.brk_now);
    uint64_t before = up(c.brk_now), after = up(wanted);
    if (after > before) {
        long at = sys(9, before, after - before, 3, 0x100022, -1, 0); // FIXED_NOREPLACE
        if (at != static_cast<long>(before)) {
            if (at > 0) sys(11, at, after - before);
            return static_cast<long>(c.brk_now);
        }
    } else if (after < before) {
        sys(11, after, before - after);
    }
    c.brk_now = wanted;
    return static_cast<long>(wanted);
}

/// Prepares a sleep; continue_pending sleeps.
Answer begin_sleep(Slot& slot, UserContext& user, uint32_t clock, bool absolute, uint64_t at,
    uint64_t rest, long* result) {
    int64_t ns = 0;
    if (!read_time(at, &ns, result)) return Answer::result;
    auto& t = slot.thread;
    t.pending = Pending::sleep;
    t.sleep_clock = absolute ? clock : (clock == 7 ? 7 : 1);
    t.deadline_ns = static_cast<uint64_t>(absolute ? ns : clock_ns(t.sleep_clock) + ns);
    t.has_deadline = absolute ? 2 : 1;
    t.sleep_remaining = absolute ? 0 : rest;
    (void)user;
    return Answer::registers_set;
}

Answer begin_futex(Slot& slot, uint64_t const args[6], long* result) {
    auto& t = slot.thread;
    uint32_t op = static_cast<uint32_t>(args[1]) & 0x7f;
    bool waits = op == 0 || op == 9 || op == 6 || op == 11 || op == 13;
    if (!waits) {
        *result = rove_syscall(202, args[0], args[1], args[2], args[3], args[4], args[5]);
        return Answer::result;
    }
    t.has_deadline = 0;
    if (args[3] != 0) {
        int64_t ns = 0;
        if (!read_time(args[3], &ns, result)) return Answer::result;
        t.has_deadline = 1;
        t.deadline_ns = static_cast<uint64_t>(op == 0 ? clock_ns(1) + ns : ns);
    }
    t.pending = Pending::futex;
    return Answer::registers_set;
}

/// A wait has been interrupted: finds out why. False: the thread is to stand still. A signal, if
/// that is why, is queued now.
bool wait_goes_on(Slot& slot) {
    if (!goes_on(slot)) return false;
    own(slot).stop = 0; // before the look: a kick from here on is not to be forgotten
    drain_link(slot);
    return goes_on(slot);
}

bool finish(Slot& slot, UserContext& user, long result) {
    slot.thread.pending = Pending::none;
    user.rax = static_cast<uint64_t>(result);
    return true;
}

bool continue_sleep(Slot& slot, UserContext& user) {
    auto& t = slot.thread;
    for (;;) {
        // One may be here already, of the time before a move: it must not wait for the end of the
        // sleep.
        if (deliverable(slot) != 0) {
            if (t.sleep_remaining != 0) {
                int64_t left = static_cast<int64_t>(t.deadline_ns) - clock_ns(t.sleep_clock);
                if (left < 0) left = 0;
                int64_t rest[2] = {left / 1000000000, left % 1000000000};
                (void)copy_out(t.sleep_remaining, rest, sizeof rest);
            }
            return finish(slot, user, -4);
        }
        if (own(slot).stop) return false;
        int64_t until[2];
        host_time(until, t.deadline_ns, is_wall_clock(t.sleep_clock));
        uint64_t args[6] = {t.sleep_clock, 1, word(&until[0]), 0, 0, 0};
        uint32_t outcome = 0;
        long r = rove_call(230, args, &own(slot).stop, &outcome);
        if (outcome == 0 && r != -4) return finish(slot, user, r);
        if (!wait_goes_on(slot)) return false;
    }
}

bool continue_futex(Slot& slot, UserContext& user) {
    auto& t = slot.thread;
    uint64_t args[6] = {user.rdi, user.rsi, user.rdx, user.r10, user.r8, user.r9};
    uint32_t op = static_cast<uint32_t>(args[1]) & 0x7f;
    int64_t until[2];
    constexpr uint64_t on_wall_clock = 256;
    if (op == 0) { // relative time: as a bitset wait, whose time is absolute
        args[1] = (args[1] & ~(0x7full | on_wall_clock)) | 9;
        args[5] = 0xffffffff;
    }
    if (t.has_deadline) {
        constexpr uint32_t lock_pi = 6; // always on that clock
        host_time(until, t.deadline_ns, op == lock_pi || (args[1] & on_wall_clock) != 0);
        args[3] = word(&until[0]);
    }
    for (;;) {
        if (uint32_t number = deliverable(slot)) {
            slot.thread.pending = Pending::none;
            if (t.has_deadline == 0 && restarts(slot, number)) {
                rewind(user, 202);
            } else {
                user.rax = static_cast<uint64_t>(-4);
            }
            return true;
        }
        if (own(slot).stop) return false;
        uint32_t outcome = 0;
        long r = rove_call(202, args, &own(slot).stop, &outcome);
        if (outcome == 0 && r != -4) return finish(slot, user, r);
        if (!wait_goes_on(slot)) return false;
    }
}

/// A limit that the host's kernel holds for the guest, set when it comes: CPU, DATA, STACK, AS.
bool is_held_here(uint64_t resource) {
    auto which = static_cast<uint32_t>(resource);
    return which == 0 || which == 2 || which == 3 || which == 9;
}

} // namespace

bool continue_pending(Slot& slot, UserContext& user) {
    switch (slot.thread.pending) {
    case Pending::sleep:
        return continue_sleep(slot, user);
    case Pending::futex:
        return continue_futex(slot, user);
    case Pending::call: { // home's thread was in it when the process left, and will say how it ends
        long result = 0;
        Answer answer = await_restarted(slot, user, &result);
        if (answer == Answer::redo) return false;
        return finish(slot, user, result);
    }
    case Pending::rest: {
        auto& t = slot.thread;
        uint64_t const args[6] = {user.rdi, user.rsi, user.rdx, user.r10, user.r8, user.r9};
        long result = 0;
        t.pending = Pending::none;
        own(slot).resumed = t.called_off;
        t.called_off = {};
        Answer answer = forward(slot, user, t.rest_call, args, &result, t.rest_done);
        if (answer == Answer::result) return finish(slot, user, result);
        if (answer == Answer::redo && t.rest_done == 0) rewind(user, t.rest_call);
        return t.pending == Pending::none;
    }
    case Pending::none:
    default:
        return true;
    }
}

bool perform_locally(Slot& slot, UserContext& user, uint32_t nr, uint64_t const args[6],
    long* result, Answer* answer) {
    auto native = [&] {
        *result = rove_syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
        return true;
    };
    auto home = [&](HomeReason reason) {
        *answer = go_home(slot, user, reason, nr);
        return true;
    };
    switch (nr) {
    case 9:
        *answer = map(slot, user, args, result);
        return true;
    case 10:
    case 11:
    case 25:
    case 26:
    case 27:
    case 28:
    case 149:
    case 150:
    case 151:
    case 152:
    case 325:
        return perform_on_memory(slot, user, nr, args, result, answer);
    case 146:
    case 147: { // sched_get_priority_max, _min
        auto policy = static_cast<int>(args[0]);
        bool real = policy == 1 || policy == 2;
        bool known =
            real || policy == 0 || policy == 3 || policy == 5 || policy == 6 || policy == 7;
        *result = !known ? -22 : !real ? 0 : nr == 146 ? 99 : 1;
        return true;
    }
    case 449:
    case 454:
    case 455:
    case 456:
        return home(HomeReason::memory_call); // the newer futex calls
    case 12:
        *result = move_break(args[0]);
        return true;
    case 13:
        *answer = signal_action(slot, user, args, result);
        return true;
    case 14:
        *answer = signal_mask(slot, args, result);
        return true;
    case 15:
        *answer = signal_return(slot, user);
        return true;
    case 131:
        *result = alternate_stack(slot, user, args[0], args[1]);
        return true;
    case 24:
    case 39:
    case 186:
    case 318:
    case 309:
    case 229:
        return native();
    case 96:
    case 201:
        if (!tells_wall_clock(nr, args)) return native();
        *result = tell_wall_clock(nr, args);
        return true;
    case 324: // membarrier: a registration is for home as well; here all are made in
              // rove_builder_main
        if ((args[0] & wire::membarrier_registers) == 0) return native();
        *answer = forward_plain(slot, user, nr, args[0], args[1], args[2], 0, 0, 0, result);
        return true;
    case 228: { // clock_gettime: the process's own CPU clocks have a part at home
        auto clock = static_cast<int32_t>(args[0]);
        if (clock == 2 || clock == 3) return tell_cpu_time(slot, args, result);
        if (clock < 0 || clock > 11) return false;
        if (!tells_wall_clock(nr, args)) return native();
        *result = tell_wall_clock(nr, args);
        return true;
    }
    case 35:
        *answer = begin_sleep(slot, user, 1, false, args[0], args[1], result);
        return true;
    case 230: {
        auto clock = static_cast<int32_t>(args[0]);
        if (clock != 0 && clock != 1 && clock != 7) return false;
        *answer = begin_sleep(
            slot, user, static_cast<uint32_t>(clock), args[1] & 1, args[2], args[3], result);
        return true;
    }
    case 202:
        *answer = begin_futex(slot, args, result);
        return true;
    case 38: { // setitimer: a timer on CPU time belongs where the CPU time is spent and counted
        int64_t value[4] = {};
        if ((args[0] == 1 || args[0] == 2) && args[1] != 0 &&
            copy_in(value, args[1], sizeof value) && (value[2] | value[3]) != 0) {
            return home(HomeReason::cpu_timer);
        }
        return false;
    }
    case 160: // setrlimit
        if (!is_held_here(args[0]) || own(slot).shares) return false;
        return home(HomeReason::memory_call);
    case 302: { // prlimit64
        bool const self = args[0] == 0 || static_cast<int>(args[0]) == control().pid;
        if (!self || args[2] == 0 || !is_held_here(args[1]) || own(slot).shares) return false;
        return home(HomeReason::memory_call);
    }
    case 222: { // timer_create
        auto clock = static_cast<int32_t>(args[0]);
        if (clock == 2 || clock == 3 || clock < 0) return home(HomeReason::cpu_timer);
        return false;
    }
    case 56:
    case 57:
    case 58:
    case 435:
        *answer = clone(slot, user, nr, args, result);
        return true;
    case 59:
    case 322:
        *answer = execute(slot, user, nr, args, result);
        return true;
    case 60:
        *answer = exit_thread(slot, user, static_cast<int>(args[0]));
        return true;
    case 158:                    // arch_prctl
        if (args[0] == 0x1002) { // SET_FS
            slot.thread.fs_base = args[1];
            return native();
        }
        if (args[0] == 0x1003) return native();
        if (args[0] == 0x1001) return home(HomeReason::memory_call);
        if (args[0] == 0x1004) {
            uint64_t zero = 0;
            *result = copy_out(args[1], &zero, sizeof zero) ? 0 : -14;
            return true;
        }
        return false;
    case 218: // set_tid_address
        slot.thread.clear_tid = args[0];
        return native();
    case 273: // set_robust_list
        slot.thread.robust_list = args[0];
        slot.thread.robust_length = args[1];
        return native();
    case 274: // get_robust_list
        if (args[0] != 0 && static_cast<int>(args[0]) != slot.tid) return false;
        *result = rove_syscall(nr, 0, args[1], args[2], 0, 0, 0);
        return true;
    case 334: { // rseq
        native();
        if (*result == 0) {
            bool off = args[2] & 1;
            slot.thread.rseq_address = off ? 0 : args[0];
            slot.thread.rseq_length = off ? 0 : static_cast<uint32_t>(args[1]);
            slot.thread.rseq_signature = static_cast<uint32_t>(args[3]);
        }
        return true;
    }
    case wire::mail_call:
        *result = mail(slot, args);
        return true;
    case 101:
        return home(HomeReason::ptrace);
    case 272:
    case 308:
        return home(HomeReason::namespaces);
    case 317:
        return home(HomeReason::seccomp_filter);
    case 323:
        return home(HomeReason::userfaultfd);
    case 298:
        return home(HomeReason::perf_event);
    case 425:
    case 426:
    case 427:
        return home(HomeReason::io_uring);
    case 206:
    case 207:
    case 208:
    case 209:
    case 210:
    case 333:
        return home(HomeReason::aio);
    case 29:
    case 30:
    case 67:
        return home(HomeReason::shared_memory_segment);
    default:
        return false;
    }
}

} // namespace rove::guest
