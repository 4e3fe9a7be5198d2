// SPDX-License-Identifier: Apache-2.0
// out_parameters: calls write their results up to the last byte before a guard page, and not one byte more than natively.
#include "guest.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

// untouched: the bytes before p, on its own page, still have the filling of guarded().
static void untouched(void* p, size_t n, char const* what) {
    unsigned char* base = (unsigned char*)((uintptr_t)((char*)p + n - 1) & ~4095ul);
    for (unsigned char* at = base; at < (unsigned char*)p; at++)
        if (*at != 0xa5) fail("%s wrote before its buffer", what);
}
static int both_closed(int made, int const* fd) { return made == 0 ? close(fd[0]) | close(fd[1]) : -1; }
#define into(type, call)                                                                                               \
    do {                                                                                                               \
        type* out = guarded(sizeof(type));                                                                             \
        must(call);                                                                                                    \
        untouched(out, sizeof(type), #call);                                                                           \
        unguard(out, sizeof(type));                                                                                    \
    } while (0)

int main(void) {
    int p[2], s[2];
    must(pipe(p));
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    struct two { int fd[2]; };
    struct eight { char bytes[8]; };
    for (long i = 0; again(i, 30); i++) {
        into(struct stat, stat("/", out));
        into(struct stat, fstat(0, out));
        into(struct statx, statx(AT_FDCWD, "/", 0, STATX_ALL, out));
        into(struct statfs, statfs("/", out));
        into(struct utsname, uname(out));
        into(struct sysinfo, sysinfo(out));
        into(struct rusage, getrusage(RUSAGE_SELF, out));
        into(struct rlimit, getrlimit(RLIMIT_STACK, out));
        into(struct rlimit, prlimit(0, RLIMIT_CPU, NULL, out));
        into(struct timeval, syscall(SYS_gettimeofday, out, NULL));
        into(struct timespec, syscall(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, out));
        into(struct timespec, syscall(SYS_clock_getres, CLOCK_REALTIME, out));
        into(struct itimerval, getitimer(ITIMER_REAL, out));
        into(struct tms, syscall(SYS_times, out));
        into(struct two, both_closed(pipe(out->fd), out->fd));
        into(struct two, both_closed(socketpair(AF_UNIX, SOCK_DGRAM, 0, out->fd), out->fd));
        into(struct eight, syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, out, 8));
        into(struct eight, syscall(SYS_rt_sigpending, out, 8));
        into(struct sigaction, sigaction(SIGUSR1, NULL, out));
        into(stack_t, sigaltstack(NULL, out));
        into(int, waitpid(-1, out, WNOHANG) == -1 ? 0 : 0);
        into(int, syscall(SYS_getcpu, out, NULL, NULL));
        into(struct eight, readlink("/proc/self/exe", out->bytes, 8));
        into(struct eight, (must(write(p[1], "12345678abc", 11)), must(read(p[0], out, 8)), read(p[0], (char[4]){0}, 3)));
        into(struct pollfd, (out->fd = p[0], out->events = POLLIN, poll(out, 1, 0)));
        socklen_t* length = guarded(sizeof *length);
        *length = 3;
        char* name = guarded(3);
        must(getsockname(s[0], (struct sockaddr*)name, length));
        equal(*length, 2);
        check(name[0] == AF_UNIX && name[1] == 0 && (unsigned char)name[2] == 0xa5);
        *length = 2;
        int16_t* option = guarded(2); // shorter than the value: clipped
        must(getsockopt(s[0], SOL_SOCKET, SO_TYPE, option, length));
        check(*option == SOCK_STREAM && *length == 2);
        unguard(option, 2);
        unguard(name, 3);
        unguard(length, sizeof *length);
        char* cwd = guarded(PATH_MAX);
        check(getcwd(cwd, PATH_MAX) != NULL);
        unguard(cwd, PATH_MAX);
        // Strings that end at the guard page, read by the kernel.
        char* path = guarded(5);
        memcpy(path, "/dev", 5);
        must(access(path, R_OK));
        unguard(path, 5);
        path = guarded(4); // without an end: a fault
        memcpy(path, "/dev", 4);
        wants(EFAULT, access(path, R_OK));
        unguard(path, 4);
    }
    pass();
}
