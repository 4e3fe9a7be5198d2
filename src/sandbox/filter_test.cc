// SPDX-License-Identifier: Apache-2.0
// The filter against the running kernel: each question is asked in a child that has it installed.
#include "sandbox/filter.hh"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "sandbox/assembler.hh"

namespace rove::sandbox {
namespace {

constexpr long trapped = -7777;
constexpr uint64_t region = 0x200000000000, region_size = 0x8000000;

struct Call {
    long number;
    uint64_t args[6];
};

void answer_trap(int, siginfo_t*, void* context) {
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RAX] = trapped;
}

void install(std::vector<sock_filter> const& filter) {
    sock_fprog program{
        static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        _exit(99);
}

constexpr uint64_t restorer_offset = 64, clone_offset = 128;
using Caller = long (*)(long, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

// A call made from a page of our choice: the runtime's text, or anybody's.
Caller make_caller(uint64_t page) {
    unsigned char const code[] = {0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89,
        0xca, 0x4d, 0x89, 0xc2, 0x4d, 0x89, 0xc8, 0x4c, 0x8b, 0x4c, 0x24, 0x08, 0x0f, 0x05, 0xc3};
    void* at = mmap(reinterpret_cast<void*>(page), 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at != reinterpret_cast<void*>(page)) return nullptr;
    memcpy(at, code, sizeof code);
    unsigned char const sigreturn[] = {0xb8, 15, 0, 0, 0, 0x0f, 0x05};
    memcpy(static_cast<char*>(at) + restorer_offset, sigreturn, sizeof sigreturn);
    // What is made ends at once.
    unsigned char const clone[] = {0xb8, 56, 0, 0, 0, 0x0f, 0x05, 0x85, 0xc0, 0x75, 0x09, 0xb8, 231,
        0, 0, 0, 0x31, 0xff, 0x0f, 0x05, 0xc3};
    memcpy(static_cast<char*>(at) + clone_offset, clone, sizeof clone);
    return reinterpret_cast<Caller>(at);
}
using Cloner = long (*)(uint64_t flags, uint64_t stack);

// Results of the calls in a child under the guest filter. The results come in shared memory.
std::vector<long> results(
    std::vector<Call> const& calls, bool from_runtime, bool host_wall_clock = true) {
    auto* shared = static_cast<long*>(
        mmap(nullptr, 65536, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t child = fork();
    if (child == 0) {
        FilterPlan plan;
        plan.region = region;
        plan.region_size = region_size;
        plan.text_begin = region + 0x1000;
        plan.text_size = 0x2000;
        plan.fd_first = 500;
        plan.service_fd = 501;
        plan.host_wall_clock = host_wall_clock;
        Caller inside = make_caller(plan.text_begin), outside = make_caller(region - (1 << 20));
        // The way back from a handler is the runtime's, too: the program's own sigreturn traps.
        uint64_t const action[4] = {reinterpret_cast<uint64_t>(&answer_trap),
            SA_SIGINFO | SA_NODEFER | 0x04000000, plan.text_begin + restorer_offset, 0};
        syscall(SYS_rt_sigaction, SIGSYS, action, nullptr, 8);
        if (!inside || !outside) _exit(98);
        install(guest_filter(plan));
        Caller caller = from_runtime ? inside : outside;
        auto cloner = reinterpret_cast<Cloner>(reinterpret_cast<uint64_t>(caller) + clone_offset);
        for (size_t i = 0; i < calls.size(); ++i) {
            auto const* a = calls[i].args;
            shared[i] = calls[i].number == SYS_clone
                            ? cloner(a[0], a[1])
                            : caller(calls[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
        }
        inside(SYS_exit_group, 0, 0, 0, 0, 0, 0);
    }
    int status = 0;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
    std::vector<long> result(shared, shared + calls.size());
    munmap(shared, 65536);
    return result;
}

uint64_t word(void const* pointer) {
    return reinterpret_cast<uint64_t>(pointer);
}

TEST(Filter, program_may_use_its_memory_and_clocks) {
    static timespec time;
    auto got = results(
        {
            {SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, ~0ull, 0}},
            {SYS_mmap, {0x300000000000, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                           ~0ull, 0}},
            {SYS_mprotect, {0x300000000000, 4096, PROT_READ | PROT_WRITE}},
            {SYS_madvise, {0x300000000000, 4096, MADV_DONTNEED}},
            {SYS_munmap, {0x300000000000, 4096}},
            {SYS_clock_gettime, {CLOCK_MONOTONIC, word(&time)}},
            {SYS_futex, {word(&time), FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1}},
            {SYS_sched_yield, {}},
        },
        false);
    EXPECT_GT(got[0], 0);
    EXPECT_EQ(got[1], 0x300000000000);
    EXPECT_EQ(got[2], 0);
    for (size_t i = 3; i < got.size(); ++i)
        EXPECT_EQ(got[i], 0) << i;
}

TEST(Filter, wall_clock_is_the_hosts_or_traps) {
    static timespec time;
    std::vector<Call> const calls{{SYS_clock_gettime, {CLOCK_REALTIME, word(&time)}},
        {SYS_clock_gettime, {CLOCK_REALTIME_COARSE, word(&time)}}, {SYS_gettimeofday, {0, 0}},
        {SYS_time, {0}}};
    for (long result : results(calls, false, true))
        EXPECT_NE(result, trapped);
    for (long result : results(calls, false, false))
        EXPECT_EQ(result, trapped);
    EXPECT_EQ(results({{SYS_clock_gettime, {CLOCK_MONOTONIC, word(&time)}}}, false, false)[0], 0);
}

TEST(Filter, everything_else_of_the_program_traps) {
    static timespec time;
    std::vector<Call> calls{
        {SYS_openat, {0, 0, 0}},
        {SYS_mremap, {0x300000000000, 4096, 8192, MREMAP_MAYMOVE}},
        {SYS_read, {500, 0, 0}},
        {SYS_socket, {AF_INET, SOCK_STREAM, 0}},
        {SYS_clone, {CLONE_VM | CLONE_THREAD | CLONE_SIGHAND, 0}},
        {SYS_clone3, {0, 0}},
        {SYS_kill, {1, 0}},
        {SYS_brk, {0}},
        {SYS_futex, {word(&time), FUTEX_WAIT, 0, 0}},
        {SYS_clock_gettime, {CLOCK_PROCESS_CPUTIME_ID, word(&time)}},
        {SYS_clock_gettime, {static_cast<uint64_t>(-6), word(&time)}},
        {SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, ~0ull, 0}},
        {SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE, 0, 0}},
        {SYS_mmap, {0x300000000000, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, 500, 0}},
        {SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, ~0ull, 0}},
        {SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, ~0ull, 0}},
        {SYS_madvise, {0x300000000000, 4096, 100 /* MADV_HWPOISON */}},
        {SYS_rt_sigreturn, {}},
        {SYS_arch_prctl, {0x1002, 0}},
        {1000, {}},
        {0x40000000 | SYS_getpid, {}},
    };
    auto got = results(calls, false);
    for (size_t i = 0; i < got.size(); ++i)
        EXPECT_EQ(got[i], trapped) << "call " << calls[i].number << ", the " << i << "th";
}

TEST(Filter, nobody_changes_mappings_of_the_region) {
    std::vector<Call> calls;
    constexpr uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    // Through the low word, the high word, a sum that carries, and lengths that wrap.
    struct Range {
        uint64_t start, length;
    };
    std::vector<Range> const bad{{region, 4096}, {region - 4096, 8192},
        {region + region_size - 4096, 4096}, {region + 0x1000, 1}, {0, region + 4096},
        {0x1000, ~0ull}, {region - 0x100000000, 0x100001000}, {region - 0x1000, ~0ull},
        {region - 0x2ff001000, 0x2ff002000}, {0xfffff000, region - 0xfffff000 + 0x1000},
        {0x8000000000000000 | region, 4096}};
    for (auto const& range : bad) {
        calls.push_back({SYS_munmap, {range.start, range.length}});
        calls.push_back({SYS_mprotect, {range.start, range.length, PROT_NONE}});
        calls.push_back({SYS_madvise, {range.start, range.length, MADV_DONTNEED}});
        calls.push_back({SYS_mmap, {range.start, range.length, PROT_READ, flags, ~0ull, 0}});
        calls.push_back(
            {SYS_mmap, {range.start, range.length, PROT_READ, MAP_PRIVATE | MAP_FIXED, 500, 0}});
        calls.push_back(
            {SYS_mmap, {range.start, range.length, PROT_READ, MAP_SHARED | MAP_FIXED, 500, 0}});
        calls.push_back({SYS_mremap, {range.start, range.length, 4096, MREMAP_MAYMOVE}});
        calls.push_back({SYS_mremap,
            {0x300000000000, 4096, range.length, MREMAP_MAYMOVE | MREMAP_FIXED, range.start}});
    }
    auto got = results(calls, false);
    for (size_t i = 0; i < got.size(); ++i)
        EXPECT_EQ(got[i], trapped) << i << ": " << calls[i].number;
    got = results(calls, true);
    for (size_t i = 0; i < got.size(); ++i)
        EXPECT_EQ(got[i], -ENOSYS) << i << ": " << calls[i].number;
}

TEST(Filter, the_runtimes_text_cannot_reach_the_host) {
    static char byte;
    static sockaddr address;
    std::vector<Call> calls{
        {SYS_openat, {static_cast<uint64_t>(AT_FDCWD), word("/etc/passwd"), O_RDONLY}},
        {SYS_open, {word("/"), O_RDONLY}},
        {SYS_socket, {AF_INET, SOCK_STREAM, 0}},
        {SYS_connect, {500, word(&address), sizeof address}},
        {SYS_sendto, {500, word(&byte), 1, 0, word(&address), sizeof address}},
        {SYS_sendto, {500, word(&byte), 1, 0, 0x100000000, 0}},
        {SYS_sendto, {500, word(&byte), 1, MSG_FASTOPEN, 0, 0}},
        {SYS_sendmsg, {500, 0, 0}},
        {SYS_recvmsg, {500, 0, 0}},
        {SYS_read, {0, word(&byte), 1}},
        {SYS_write, {2, word(&byte), 1}},
        {SYS_write, {static_cast<uint64_t>(-1), word(&byte), 1}},
        {SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE, 500, 0}},
        {SYS_mmap, {0x300000000000, 4096, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_LOCKED, 500, 0}},
        {SYS_mmap,
            {0x300000000000, 4096, PROT_READ, MAP_SHARED | MAP_FIXED | MAP_ANONYMOUS, ~0ull, 0}},
        {SYS_clone, {SIGCHLD, 0}},
        {SYS_clone, {CLONE_NEWUSER | SIGCHLD, 0}},
        {SYS_clone, {CLONE_PARENT | SIGCHLD, 0}},
        {SYS_clone, {CLONE_PARENT | CLONE_FILES, 0}},
        {SYS_clone, {CLONE_PARENT | CLONE_VM, 0}},
        {SYS_clone, {CLONE_PARENT | CLONE_NEWNET, 0}},
        {SYS_clone, {CLONE_PARENT | 1ull << 33 /* CLONE_INTO_CGROUP */, 0}},
        {SYS_clone, {CLONE_VM | CLONE_VFORK, 0}},
        {SYS_clone, {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                            CLONE_SYSVSEM | CLONE_NEWUSER,
                        0}},
        {SYS_clone, {CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                            CLONE_SYSVSEM | CLONE_PARENT,
                        0}},
        {SYS_clone3, {0, 0}},
        {SYS_fork, {}},
        {SYS_vfork, {}},
        {SYS_execve, {word("/bin/true"), 0, 0}},
        {SYS_ptrace, {16, 1, 0, 0}},
        {SYS_process_vm_readv, {1, 0, 0, 0, 0, 0}},
        {SYS_process_vm_writev, {1, 0, 0, 0, 0, 0}},
        {SYS_kill, {1, 0}},
        {SYS_tkill, {1, 0}},
        {SYS_tgkill, {1, 1, 0}},
        {SYS_tgkill, {1, 1, SIGKILL}},
        {SYS_dup2, {500, 3}},
        {SYS_dup2, {0, 500}},
        {SYS_close_range, {1000, 1001, 4 /* CLOSE_RANGE_CLOEXEC */}},
        {SYS_unshare, {CLONE_NEWUSER}},
        {SYS_setns, {0, 0}},
        {SYS_mount, {0, 0, 0, 0, 0}},
        {SYS_seccomp, {0, 0, 0}},
        {SYS_setresuid, {0, 0, 0}},
        {SYS_capset, {0, 0}},
        {SYS_ioctl, {500, 0, 0}},
        {SYS_setsockopt, {500, 0, 0, 0, 0}},
        {SYS_setsockopt, {500, IPPROTO_TCP, TCP_CONGESTION, word("bbr"), 3}},
        {SYS_setsockopt, {500, SOL_SOCKET, TCP_WINDOW_CLAMP, 0, 0}},
        {SYS_setsockopt, {3, IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, 0}},
        {SYS_bpf, {0, 0, 0}},
        {SYS_io_uring_setup, {0, 0}},
        {SYS_userfaultfd, {0}},
        {SYS_fcntl, {500, F_DUPFD, 0}},
        {SYS_fcntl, {500, F_SETPIPE_SZ, 0}},
        {SYS_prctl, {PR_SET_MM, 0, 0, 0, 0}},
        {SYS_prctl, {PR_SET_DUMPABLE, 1, 0, 0, 0}},
        {SYS_arch_prctl, {0x1012, 0}},
        {SYS_shmat, {0, 0, 0}},
        {SYS_remap_file_pages, {region, 4096, 0, 0, 0}},
        {SYS_pkey_mprotect, {region, 4096, 0, 0}},
    };
    auto got = results(calls, true);
    for (size_t i = 0; i < got.size(); ++i)
        EXPECT_EQ(got[i], -ENOSYS) << "call " << calls[i].number << ", the " << i << "th";
}

TEST(Filter, the_runtime_has_what_it_needs) {
    static char byte;
    static uint64_t mask;
    auto got = results(
        {
            {SYS_write, {500, word(&byte), 1}},
            {SYS_sendto, {501, word(&byte), 1, MSG_NOSIGNAL, 0, 0}},
            {SYS_recvfrom, {500, word(&byte), 1, 0, 0, 0}},
            {SYS_recvmsg, {501, 0, 0}},
            {SYS_fcntl, {500, F_SETOWN_EX, 0}},
            {SYS_setsockopt, {500, IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, 0}},
            {SYS_dup2, {500, 501}},
            {SYS_mmap, {0x300000000000, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, 500, 0}},
            {SYS_mmap, {0x300000000000, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, 500, 0}},
        },
        true);
    for (size_t i = 0; i < got.size(); ++i)
        EXPECT_EQ(got[i], -EBADF) << i;
    got = results(
        {
            {SYS_rt_sigprocmask, {SIG_BLOCK, 0, word(&mask), 8}},
            {SYS_prctl, {PR_SET_NAME, word("name")}},
            {SYS_madvise, {0x300000000000, 0, MADV_DONTFORK}},
            {SYS_poll, {0, 0, 0}},
        },
        true);
    for (size_t i = 0; i < got.size(); ++i)
        EXPECT_EQ(got[i], 0) << i;
}

TEST(Filter, the_runtime_makes_relatives_and_rings_at_threads) {
    auto got = results(
        {
            {SYS_clone, {CLONE_PARENT, 0}},
            {SYS_clone, {CLONE_PARENT | CLONE_VM | CLONE_VFORK, 0}},
            {SYS_tgkill, {1 << 22, 1 << 22, SIGURG}}, // beyond all PIDs
            {SYS_close_range, {1000, 1001, 0}},
        },
        true);
    for (size_t i = 0; i < 2; ++i) {
        ASSERT_GT(got[i], 0) << i;
        int status = -1;
        EXPECT_EQ(waitpid(static_cast<pid_t>(got[i]), &status, __WALL), got[i]) << i;
        EXPECT_EQ(status, 0) << i;
    }
    EXPECT_EQ(got[2], -ESRCH);
    EXPECT_EQ(got[3], 0);
}

// The 64-bit range comparison, for random ranges around the words' borders: what the filter says
// and what arithmetic says.
TEST(Filter, ranges_are_compared_exactly) {
    constexpr uint64_t begin = 0x1fffffff000, end = 0x20100001000;
    std::mt19937_64 random(20260101);
    std::vector<Call> calls;
    std::vector<uint64_t> const corners{0, 1, 0xfff, 0x1000, 0xffffffff, 0x100000000, begin - 1,
        begin, begin + 1, end - 1, end, end + 1, begin - 0x100000000, end - 0x100000000,
        0x7fffffffffff, 0x800000000000, ~0ull, end - begin};
    for (int i = 0; i < 4000; ++i) {
        auto pick = [&] {
            uint64_t corner = corners[random() % corners.size()];
            return random() % 2 ? corner + random() % 5 - 2
                                : corner ^ (random() & random() & random());
        };
        calls.push_back({SYS_getppid, {pick(), pick()}});
    }
    auto* shared = static_cast<char*>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t child = fork();
    if (child == 0) {
        Assembler out;
        auto denied = out.label(), other = out.label();
        out.load_number();
        out.if_not_equal(SYS_getppid, other);
        out.if_range_meets(0, 1, begin, end, denied);
        out.bind(other);
        out.ret(SECCOMP_RET_ALLOW);
        out.bind(denied);
        out.ret(SECCOMP_RET_ERRNO | EXDEV);
        install(out.finish());
        for (size_t i = 0; i < calls.size(); ++i)
            shared[i] = syscall(SYS_getppid, calls[i].args[0], calls[i].args[1]) > 0 ? 1 : 2;
        _exit(0);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    for (size_t i = 0; i < calls.size(); ++i) {
        uint64_t start = calls[i].args[0], length = calls[i].args[1];
        bool proper = start < 1ull << 47 && length < 1ull << 47;
        bool clear = proper && (start + length <= begin || start >= end);
        EXPECT_EQ(shared[i], clear ? 1 : 2) << std::hex << start << " + " << length;
    }
    munmap(shared, 4096);
}

} // namespace
} // namespace rove::sandbox
