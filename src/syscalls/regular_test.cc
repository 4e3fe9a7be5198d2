// SPDX-License-Identifier: Apache-2.0
// Regular rows: each that can be performed without harm, natively and from afar, with good and bad
// pointers.
#include "abi/x86_64/numbers.hh"
#include "syscalls/testing/compare.hh"
#include "syscalls/testing/descriptors.hh"

#include <cstdlib>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>

namespace rove::syscalls {
namespace {

using namespace rove::abi;
using namespace rove::syscalls::testing;

/// A directory of its own, gone at the end; a file in it with known content.
class InDirectory : public ::testing::Test {
protected:
    InDirectory() {
        directory = ::testing::TempDir() + "rove-syscalls-" + std::to_string(getpid());
        EXPECT_EQ(mkdir(directory.c_str(), 0700), 0);
        reset();
    }
    ~InDirectory() override { (void)system(("rm -rf " + directory).c_str()); }
    void reset() {
        path = directory + "/file";
        int const fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR, 0600);
        std::string text(5000, 'x');
        for (size_t i = 0; i < text.size(); ++i)
            text[i] = static_cast<char>('a' + i % 26);
        EXPECT_EQ(write(fd, text.data(), text.size()), 5000);
        close(fd);
    }
    int open_file(Arena& arena, int flags = O_RDWR) {
        return arena.fd(::open(path.c_str(), flags));
    }
    std::string directory, path;
};

constexpr uint64_t here = static_cast<uint64_t>(static_cast<int64_t>(AT_FDCWD));

TEST_F(InDirectory, read_write_seek) {
    for (size_t size : {0u, 1u, 100u, 4096u, 5000u, 70000u}) {
        expect_same(nr_read, [&](Arena& a) { return Args{at(open_file(a)), a.space(size), size}; });
        expect_same(nr_write, [&](Arena& a) {
            reset();
            return Args{at(open_file(a)), a.space(size), size};
        });
        expect_same(nr_pread64, [&](Arena& a) {
            reset();
            return Args{at(open_file(a)), a.space(size), size, 100};
        });
        expect_same(nr_pwrite64, [&](Arena& a) {
            return Args{at(open_file(a)), a.space(size), size, 10};
        });
    }
    expect_same(nr_lseek, [&](Arena& a) { return Args{at(open_file(a)), 10, SEEK_SET}; });
    expect_same(nr_read, [&](Arena& a) { return Args{999, a.space(10), 10}; });
    expect_same(nr_read, [&](Arena& a) { return Args{at(open_file(a)), a.space(10), ~0ul}; });
    expect_same(nr_write, [&](Arena& a) { return Args{at(open_file(a)), a.space(10), ~0ul}; });
}

TEST_F(InDirectory, long_transfers_are_continued) {
    Options small;
    small.bytes_max = 1 << 20;
    size_t const size = (5 << 20) + 77;
    expect_same(
        nr_write,
        [&](Arena& a) {
            return Args{at(open_file(a)), a.space(size), size};
        },
        small);
    expect_same(
        nr_read,
        [&](Arena& a) {
            return Args{at(open_file(a)), a.space(size + 9), size + 9};
        },
        small);
    expect_same(
        nr_pwrite64,
        [&](Arena& a) {
            return Args{at(open_file(a)), a.space(size), size, 3};
        },
        small);
    expect_same(
        nr_pread64,
        [&](Arena& a) {
            return Args{at(open_file(a)), a.space(size), size, 5};
        },
        small);
}

TEST_F(InDirectory, paths) {
    expect_same(nr_open, [&](Arena& a) { return Args{a.text(path), O_RDONLY, 0}; });
    expect_same(nr_openat, [&](Arena& a) { return Args{here, a.text(path), O_RDWR, 0}; });
    expect_same(nr_openat, [&](Arena& a) { return Args{here, a.text(path + "no"), O_RDWR, 0}; });
    expect_same(nr_access, [&](Arena& a) { return Args{a.text(path), R_OK}; });
    expect_same(nr_truncate, [&](Arena& a) { return Args{a.text(path), 4000}; });
    expect_same(nr_chmod, [&](Arena& a) { return Args{a.text(path), 0640}; });
    expect_same(nr_faccessat2, [&](Arena& a) { return Args{here, a.text(path), R_OK, 0}; });
    for (size_t length : {0u, 1u, 255u, 4000u, 4095u, 4096u, 4097u, 5000u})
        expect_same(nr_access, [&](Arena& a) {
            return Args{a.text(std::string(length, '/')), F_OK};
        });
    expect_same(nr_rename, [&](Arena& a) {
        reset();
        return Args{a.text(path), a.text(path + "2")};
    });
    expect_same(nr_symlink, [&](Arena& a) {
        unlink((path + "3").c_str());
        return Args{a.text("target"), a.text(path + "3")};
    });
    expect_same(nr_readlink, [&](Arena& a) { return Args{a.text(path + "3"), a.space(3), 3}; });
    expect_same(nr_readlinkat, [&](Arena& a) {
        return Args{here, a.text(path + "3"), a.space(100), 100};
    });
    expect_same(nr_mkdirat, [&](Arena& a) {
        rmdir((path + "4").c_str());
        return Args{here, a.text(path + "4"), 0700};
    });
    expect_same(nr_memfd_create, [&](Arena& a) { return Args{a.text("name"), 1}; });
}

TEST_F(InDirectory, status) {
    expect_same(nr_stat, [&](Arena& a) {
        return Args{a.text(path), a.space(sizeof(struct stat))};
    });
    expect_same(nr_lstat, [&](Arena& a) {
        return Args{a.text(path), a.space(sizeof(struct stat))};
    });
    expect_same(nr_fstat, [&](Arena& a) {
        return Args{at(open_file(a)), a.space(sizeof(struct stat))};
    });
    expect_same(nr_newfstatat, [&](Arena& a) {
        return Args{here, a.text(path), a.space(sizeof(struct stat)), 0};
    });
    expect_same(nr_statx, [&](Arena& a) {
        return Args{here, a.text(path), 0, 0x7ff, a.space(256)};
    });
    expect_same(nr_statfs, [&](Arena& a) {
        return Args{a.text("/proc"), a.space(sizeof(struct statfs))};
    });
    expect_same(nr_getdents64,
        [&](Arena& a) {
            return Args{
                at(a.fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY))), a.space(1000), 1000};
        },
        {.compare_memory = false}); // the kernel leaves gaps between names as they were
    expect_same(nr_getcwd, [&](Arena& a) { return Args{a.space(4096), 4096}; });
    expect_same(nr_getcwd, [&](Arena& a) { return Args{a.space(1), 1}; });
    expect_same(nr_utimensat, [&](Arena& a) {
        return Args{here, a.text(path), a.put(std::vector<timespec>{{1, 2}, {3, 4}}), 0};
    });
    expect_same(nr_setxattr, [&](Arena& a) {
        return Args{a.text(path), a.text("user.a"), a.text("hello"), 5, 0};
    });
    expect_same(nr_getxattr, [&](Arena& a) {
        return Args{a.text(path), a.text("user.a"), a.space(20), 20};
    });
    expect_same(nr_getxattr, [&](Arena& a) {
        return Args{a.text(path), a.text("user.a"), a.space(20), 2};
    });
    expect_same(nr_listxattr, [&](Arena& a) { return Args{a.text(path), a.space(20), 20}; });
    expect_same(nr_listxattr, [&](Arena& a) { return Args{a.text(path), a.space(20), 0}; });
}

TEST_F(InDirectory, between_files) {
    auto const offset = [](Arena& a) { return a.put(int64_t{7}); };
    expect_same(nr_sendfile, [&](Arena& a) {
        int const to = open_file(a);
        return Args{at(to), at(open_file(a)), offset(a), 100};
    });
    expect_same(nr_copy_file_range, [&](Arena& a) {
        int const from = open_file(a), to = a.fd(memfd_create("to", 0));
        return Args{at(from), offset(a), at(to), offset(a), 100, 0};
    });
    expect_same(nr_splice, [&](Arena& a) {
        int ends[2];
        EXPECT_EQ(pipe(ends), 0);
        a.fd(ends[0]);
        a.fd(ends[1]);
        return Args{at(open_file(a)), offset(a), at(ends[1]), 0, 50, 0};
    });
}

TEST(Regular, identity) {
    for (unsigned nr : {nr_getuid, nr_getgid, nr_geteuid, nr_getegid, nr_getppid, nr_getpgrp})
        expect_same(nr, [](Arena&) { return Args{}; });
    expect_same(nr_getresuid, [](Arena& a) { return Args{a.space(4), a.space(4), a.space(4)}; });
    expect_same(nr_getgroups, [](Arena& a) { return Args{64, a.space(256)}; });
    expect_same(nr_getgroups, [](Arena& a) { return Args{0, a.space(4)}; });
    expect_same(nr_getgroups, [](Arena& a) { return Args{~0ul, a.space(4)}; });
    expect_same(nr_uname, [](Arena& a) { return Args{a.space(sizeof(utsname))}; });
    expect_same(nr_sysinfo, [](Arena& a) { return Args{a.space(sizeof(struct sysinfo))}; },
        {.compare_result = false});
    expect_same(nr_getrlimit, [](Arena& a) { return Args{RLIMIT_NOFILE, a.space(16)}; });
    expect_same(nr_prlimit64, [](Arena& a) { return Args{0, RLIMIT_CORE, 0, a.space(16)}; });
    expect_same(nr_getrusage, [](Arena& a) {
        return Args{~0ul /* RUSAGE_CHILDREN */, a.space(sizeof(rusage))};
    });
    expect_same(nr_sched_getaffinity, [](Arena& a) { return Args{0, 128, a.space(128)}; });
    expect_same(nr_sched_getparam, [](Arena& a) { return Args{0, a.space(4)}; });
    expect_same(nr_sched_getattr, [](Arena& a) { return Args{0, a.space(48), 48, 0}; });
    expect_same(nr_sched_getattr, [](Arena& a) { return Args{0, a.space(48), 10, 0}; });
    expect_same(nr_getcpu,
        [](Arena& a) {
            return Args{a.space(4), a.space(4), 0};
        },
        {.compare_result = false});
    expect_same(nr_rt_sigpending, [](Arena& a) { return Args{a.space(8), 8}; });
    expect_same(nr_getitimer, [](Arena& a) { return Args{0, a.space(32)}; });
    expect_same(nr_waitid, [](Arena& a) {
        return Args{P_ALL, 0, a.space(128), WEXITED, a.space(sizeof(rusage))};
    });
    expect_same(nr_wait4, [](Arena& a) {
        return Args{~0ul, a.space(4), 0, a.space(sizeof(rusage))};
    });
    expect_same(nr_sched_rr_get_interval,
        [](Arena& a) {
            return Args{0, a.space(16)};
        },
        {.compare_result = false});
}

TEST(Regular, wait_for_children) {
    auto const child = [] {
        pid_t const pid = fork();
        if (pid == 0) _exit(7);
        siginfo_t s;
        waitid(P_PID, static_cast<id_t>(pid), &s, WEXITED | WNOWAIT);
        return pid;
    };
    Options status_only{.try_bad_pointers = false, .compare_result = false};
    expect_same(
        nr_wait4,
        [&](Arena& a) {
            return Args{at(child()), a.space(4), 0, a.space(sizeof(rusage))};
        },
        status_only);
    ScratchMemory memory;
    Arena a;
    auto const pid = child();
    Guarded& status = a.buffer(4);
    EXPECT_EQ(round_trip(nr_wait4, {at(pid), status.address(), 0, 0}, a, memory).result, pid);
    EXPECT_EQ(status.bytes(), std::string("\0\7\0\0", 4));
    // Nothing has changed: nothing is written.
    pid_t const waiting = fork();
    if (waiting == 0) {
        pause();
        _exit(0);
    }
    Guarded& untouched = a.buffer(4);
    EXPECT_EQ(
        round_trip(nr_wait4, {at(waiting), untouched.address(), WNOHANG, 0}, a, memory).result, 0);
    EXPECT_EQ(untouched.bytes(), std::string(4, '\x5a'));
    kill(waiting, SIGKILL);
    Guarded& s = a.buffer(128);
    EXPECT_EQ(
        round_trip(nr_waitid, {P_PID, at(waiting), s.address(), WEXITED, 0}, a, memory).result, 0);
    EXPECT_EQ(reinterpret_cast<siginfo_t*>(s.data())->si_pid, waiting);
    EXPECT_EQ(reinterpret_cast<siginfo_t*>(s.data())->si_status, SIGKILL);
}

/// A pair of connected sockets; the second has something to read.
int talking(Arena& a, int type) {
    auto [first, second] = pair_of(a, type);
    EXPECT_EQ(send(first, "hello, afar", 11, 0), 11);
    return second;
}

TEST(Regular, sockets) {
    auto const bound = [](Arena& a) {
        int const fd = a.fd(socket(AF_INET, SOCK_STREAM, 0));
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
        return fd;
    };
    Options port_differs{.compare_result = false};
    expect_same(
        nr_getsockname,
        [&](Arena& a) {
            return Args{at(bound(a)), a.space(16), a.put(16)};
        },
        port_differs);
    auto const unnamed = [](Arena& a) { return at(a.fd(socket(AF_UNIX, SOCK_STREAM, 0))); };
    for (int length : {0, 1, 2, 100, -1})
        expect_same(nr_getsockname, [&](Arena& a) {
            return Args{unnamed(a), a.space(100), a.put(length)};
        });
    expect_same(nr_getpeername, [&](Arena& a) {
        return Args{unnamed(a), a.space(100), a.put(100)};
    });
    expect_same(nr_getpeername, [&](Arena& a) {
        return Args{at(talking(a, SOCK_STREAM)), a.space(100), a.put(100)};
    });
    expect_same(nr_socketpair, [](Arena& a) { return Args{77, SOCK_STREAM, 0, a.space(8)}; });
    for (int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        expect_same(nr_recvfrom, [&](Arena& a) {
            return Args{at(talking(a, type)), a.space(5), 5, 0, 0, 0};
        });
        expect_same(nr_recvfrom, [&](Arena& a) {
            return Args{at(talking(a, type)), a.space(50), 50, 0, a.space(100), a.put(100)};
        });
        expect_same(nr_recvfrom, [&](Arena& a) {
            return Args{at(talking(a, type)), a.space(5), 5, MSG_TRUNC, 0, 0};
        });
        expect_same(nr_sendto, [&](Arena& a) {
            return Args{at(talking(a, type)), a.text("reply"), 5, 0, 0, 0};
        });
    }
    sockaddr_un nowhere{AF_UNIX, "/nowhere/at/all"};
    expect_same(nr_connect, [&](Arena& a) {
        return Args{unnamed(a), a.put(nowhere), sizeof nowhere};
    });
    expect_same(nr_connect, [&](Arena& a) { return Args{unnamed(a), a.put(nowhere), 1 << 20}; });
    expect_same(nr_sendto, [&](Arena& a) {
        return Args{at(a.fd(socket(AF_UNIX, SOCK_DGRAM, 0))), a.text("x"), 1, 0, a.put(nowhere),
            sizeof nowhere};
    });
    expect_same(nr_accept4,
        [&](Arena& a) {
            int const listener = bound(a), client = a.fd(socket(AF_INET, SOCK_STREAM, 0));
            sockaddr_in to{};
            socklen_t length = sizeof to;
            listen(listener, 5);
            getsockname(listener, reinterpret_cast<sockaddr*>(&to), &length);
            EXPECT_EQ(connect(client, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
            return Args{at(listener), a.space(16), a.put(16), SOCK_CLOEXEC};
        },
        {.try_bad_pointers = false, .compare_result = false});
}

TEST(Regular, waiting) {
    auto const ready = [](Arena& a) {
        return std::vector<pollfd>{
            {talking(a, SOCK_STREAM), POLLIN, 0x7f}, {-1, POLLIN, 0x7f}, {998, POLLIN, 0}};
    };
    expect_same(nr_poll, [&](Arena& a) { return Args{a.put(ready(a)), 3, 0}; });
    expect_same(nr_poll, [&](Arena& a) { return Args{a.put(ready(a)), 1u << 30, 0}; });
    expect_same(nr_poll, [&](Arena& a) { return Args{a.put(ready(a)), 0, 0}; });
    expect_same(nr_ppoll, [&](Arena& a) {
        return Args{a.put(ready(a)), 3, a.put(timespec{0, 0}), a.put(uint64_t{0}), 8};
    });
    auto const watching = [](Arena& a) {
        int const set = a.fd(epoll_create1(0));
        epoll_event event{EPOLLIN, {.u64 = 0x1122334455667788}};
        epoll_ctl(set, EPOLL_CTL_ADD, talking(a, SOCK_STREAM), &event);
        return at(set);
    };
    expect_same(nr_epoll_wait, [&](Arena& a) { return Args{watching(a), a.space(36), 3, 0}; });
    expect_same(nr_epoll_wait, [&](Arena& a) { return Args{watching(a), a.space(36), 0, 0}; });
    expect_same(nr_epoll_wait, [&](Arena& a) { return Args{watching(a), a.space(36), ~0ul, 0}; });
    expect_same(nr_epoll_pwait, [&](Arena& a) {
        return Args{watching(a), a.space(36), 3, 0, a.put(uint64_t{0}), 8};
    });
    expect_same(nr_epoll_pwait2, [&](Arena& a) {
        return Args{watching(a), a.space(36), 3, a.put(timespec{0, 0}), a.put(uint64_t{0}), 8};
    });
    expect_same(nr_epoll_ctl, [&](Arena& a) {
        uint64_t const set = watching(a);
        return Args{
            set, EPOLL_CTL_ADD, at(talking(a, SOCK_STREAM)), a.put(epoll_event{EPOLLOUT, {}})};
    });
    expect_same(nr_pipe2, [](Arena& a) { return Args{a.space(8), ~0ul}; });
    expect_same(nr_timerfd_settime, [](Arena& a) {
        return Args{at(a.fd(timerfd_create(CLOCK_MONOTONIC, 0))), 0, a.put(itimerspec{}),
            a.space(sizeof(itimerspec))};
    });
    expect_same(nr_signalfd4, [](Arena& a) { return Args{~0ul, a.put(uint64_t{1}), 8, 0}; });
    expect_same(nr_signalfd4, [](Arena& a) { return Args{~0ul, a.put(uint64_t{1}), 4, 0}; });
}

} // namespace
} // namespace rove::syscalls
