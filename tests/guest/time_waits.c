// SPDX-License-Identifier: Apache-2.0
// time_waits: calls that wait for a relative time wait for it once, however often they are interrupted by moves: not shorter, not anew.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>

#include "guest.h"

#define MS 300
static int epoll, semaphore;
static int ends[2];
static const struct timespec time_spec = {0, MS * 1000000};

static long raw(long nr, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10), "+r"(r8), "+r"(r9)
                     : "a"(nr)
                     : "rcx", "r11", "memory");
    return result;
}

static long wait_once(int kind) {
    struct epoll_event event;
    struct pollfd one = {ends[0], POLLIN, 0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    struct sembuf down = {0, -1, 0};
    fd_set reads;
    FD_ZERO(&reads);
    FD_SET(ends[0], &reads);
    struct timeval time_value = {0, MS * 1000};
    struct timespec written = time_spec;
    switch (kind) {
    case 0: return raw(SYS_epoll_wait, epoll, (long)&event, 1, MS, 0, 0);
    case 1: return raw(SYS_epoll_pwait, epoll, (long)&event, 1, MS, (long)&set, 8);
    case 2: return raw(441, epoll, (long)&event, 1, (long)&time_spec, 0, 0); // epoll_pwait2
    case 3: return raw(SYS_rt_sigtimedwait, (long)&set, 0, (long)&time_spec, 8, 0, 0);
    case 4: return raw(SYS_semtimedop, semaphore, (long)&down, 1, (long)&time_spec, 0, 0);
    case 5: return raw(SYS_poll, (long)&one, 1, MS, 0, 0, 0);
    case 6: return raw(SYS_ppoll, (long)&one, 1, (long)&written, 0, 8, 0);
    case 7: return raw(SYS_select, ends[0] + 1, (long)&reads, 0, 0, (long)&time_value, 0);
    default: return 0;
    }
}

int main(void) {
    long const wanted[] = {0, 0, 0, -EAGAIN, -EAGAIN, 0, 0, 0};
    must(pipe(ends));
    epoll = must(epoll_create1(0));
    struct epoll_event event = {.events = EPOLLIN};
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event));
    semaphore = must(semget(IPC_PRIVATE, 1, 0600));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    must(sigprocmask(SIG_BLOCK, &set, NULL));
    for (long i = 0; again(i, 16); i++) {
        int kind = (int)(i % 8);
        int64_t start = now_ns();
        equal(wait_once(kind), wanted[kind]);
        int64_t took = now_ns() - start;
        check(took >= MS * 1000000ll, "kind %d ended after %lld ns", kind, (long long)took);
        check(took < 20 * 1000000000ll, "kind %d waited anew and anew", kind);
    }
    must(semctl(semaphore, 0, IPC_RMID));
    pass();
}
