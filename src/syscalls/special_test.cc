// SPDX-License-Identifier: Apache-2.0
// Irregular calls: ioctl, fcntl, select, options, queues and others, natively and from afar.
#include "abi/x86_64/numbers.hh"
#include "syscalls/testing/compare.hh"
#include "syscalls/testing/descriptors.hh"

#include <cstdlib>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/keyctl.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <termios.h>

namespace rove::syscalls {
namespace {

using namespace rove::abi;
using namespace rove::syscalls::testing;

TEST(Select, sets_timeouts_and_masks) {
    auto const set_of = [](Arena& a, int fd, size_t bytes) {
        std::vector<uint8_t> set(bytes);
        if (static_cast<size_t>(fd) / 8 < bytes)
            set[static_cast<size_t>(fd) / 8] |= static_cast<uint8_t>(1 << fd % 8);
        return a.put(set);
    };
    for (int highest : {0, 1, 8, 60, 64, 65, 128, 1024, 100000, -1}) {
        size_t const bytes =
            highest < 0 || highest > 1024 ? 128 : static_cast<size_t>(highest + 63) / 64 * 8;
        expect_same(nr_select,
            [&](Arena& a) {
                auto [one, other] = pair_of(a, SOCK_STREAM);
                EXPECT_EQ(send(one, "x", 1, 0), 1);
                uint64_t const in = set_of(a, other, bytes), out = set_of(a, one, bytes);
                return Args{at(highest), in, out, 0, a.put(timeval{0, 0})};
            },
            {.may_not_be_null = 4});
        struct {
            uint64_t mask, size;
        } pair{};
        expect_same(nr_pselect6,
            [&](Arena& a) {
                auto [one, other] = pair_of(a, SOCK_STREAM);
                pair = {a.put(uint64_t{0x800}), 8};
                uint64_t const in = set_of(a, other, bytes), out = set_of(a, one, bytes);
                return Args{at(highest), in, out, 0, a.put(timespec{0, 1000}), a.put(pair)};
            },
            {.may_not_be_null = 4, .compare_result = false});
        pair = {0, 8};
        expect_same(nr_pselect6,
            [&](Arena& a) {
                return Args{
                    at(highest), set_of(a, 0, bytes), 0, 0, a.put(timespec{0, 0}), a.put(pair)};
            },
            {.may_not_be_null = 4});
    }
}

TEST(Ioctl, known_requests) {
    auto const terminal = [](Arena& a) {
        int const fd = a.fd(posix_openpt(O_RDWR | O_NOCTTY));
        EXPECT_EQ(unlockpt(fd), 0);
        return at(fd);
    };
    expect_same(nr_ioctl, [&](Arena& a) { return Args{terminal(a), TCGETS, a.space(36)}; });
    expect_same(nr_ioctl, [&](Arena& a) { return Args{terminal(a), TIOCGWINSZ, a.space(8)}; });
    expect_same(nr_ioctl, [&](Arena& a) {
        return Args{terminal(a), TIOCSWINSZ, a.put(winsize{24, 80, 0, 0})};
    });
    expect_same(nr_ioctl, [&](Arena& a) {
        return Args{terminal(a), 0x802c542a /* TCGETS2 */, a.space(44)};
    });
    expect_same(nr_ioctl,
        [&](Arena& a) {
            return Args{terminal(a), TIOCGPTN, a.space(4)};
        },
        {.compare_result = false});
    expect_same(nr_ioctl, [&](Arena& a) { return Args{terminal(a), FIONREAD, a.space(4)}; });
    expect_same(nr_ioctl, [&](Arena& a) { return Args{at(file_of(a, 100)), TCGETS, a.space(36)}; });
    expect_same(nr_ioctl, [&](Arena& a) {
        return Args{at(file_of(a, 100)), FIONREAD, a.space(4)};
    });
    expect_same(nr_ioctl, [&](Arena& a) { return Args{at(file_of(a, 100)), FIOCLEX, 0}; });
    expect_same(nr_ioctl, [&](Arena& a) { return Args{at(file_of(a, 100)), FIONBIO, a.put(1)}; });
    expect_same(nr_ioctl, [&](Arena& a) {
        return Args{at(file_of(a, 100)), FS_IOC_GETFLAGS, a.space(8)};
    });
    expect_same(nr_ioctl, [](Arena& a) { return Args{999, TCGETS, a.space(36)}; });
    auto const socket_of = [](Arena& a) { return at(a.fd(socket(AF_INET, SOCK_DGRAM, 0))); };
    ifreq lo{};
    strcpy(lo.ifr_name, "lo");
    for (uint64_t request : {SIOCGIFFLAGS, SIOCGIFINDEX, SIOCGIFMTU, SIOCGIFADDR, SIOCGIFHWADDR})
        expect_same(nr_ioctl, [&](Arena& a) { return Args{socket_of(a), request, a.put(lo)}; });
    for (int room : {0, 10, 40, 400})
        expect_same(nr_ioctl, [&](Arena& a) {
            ifconf conf{};
            conf.ifc_len = room;
            conf.ifc_buf = reinterpret_cast<char*>(a.space(400));
            return Args{socket_of(a), SIOCGIFCONF, a.put(conf)};
        });
    ifconf query{};
    expect_same(nr_ioctl, [&](Arena& a) { return Args{socket_of(a), SIOCGIFCONF, a.put(query)}; });
}

TEST(Fcntl, locks_owners_seals) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_len = 10;
    for (int command : {F_SETLK, F_GETLK, F_SETLKW})
        expect_same(nr_fcntl, [&](Arena& a) {
            return Args{at(file_of(a, 100)), at(command), a.put(lock)};
        });
    for (int command : {36 /* F_OFD_GETLK */, 37})
        expect_same(nr_fcntl, [&](Arena& a) {
            return Args{at(file_of(a, 100)), at(command), a.put(lock)};
        });
    expect_same(nr_fcntl, [](Arena& a) { return Args{at(file_of(a, 1)), F_GETFL, 0}; });
    expect_same(nr_fcntl, [](Arena& a) { return Args{at(file_of(a, 1)), F_DUPFD, 100}; });
    expect_same(nr_fcntl, [](Arena& a) {
        return Args{at(file_of(a, 1)), F_ADD_SEALS, F_SEAL_GROW};
    });
    expect_same(nr_fcntl, [](Arena& a) {
        return Args{at(file_of(a, 1)), 16 /* F_GETOWN_EX */, a.space(8)};
    });
    expect_same(nr_fcntl, [](Arena& a) {
        return Args{at(file_of(a, 1)), F_GET_RW_HINT, a.space(8)};
    });
    expect_same(nr_fcntl, [](Arena& a) { return Args{999, F_SETLK, a.space(32)}; });
    EXPECT_EQ(verdict_of(nr_fcntl, {0, 7777}), Verdict::comes_home);
}

TEST(SocketOptions, values_and_lengths) {
    auto const tcp = [](Arena& a) { return at(a.fd(socket(AF_INET, SOCK_STREAM, 0))); };
    expect_same(nr_setsockopt, [&](Arena& a) {
        return Args{tcp(a), SOL_SOCKET, SO_REUSEADDR, a.put(1), 4};
    });
    expect_same(nr_setsockopt, [&](Arena& a) {
        return Args{tcp(a), SOL_SOCKET, SO_REUSEADDR, a.put(1), 2};
    });
    expect_same(nr_setsockopt, [&](Arena& a) {
        return Args{tcp(a), SOL_SOCKET, SO_REUSEADDR, a.put(1), ~0ul};
    });
    for (int length : {0, 1, 4, 8, -1})
        expect_same(nr_getsockopt, [&](Arena& a) {
            return Args{tcp(a), SOL_SOCKET, SO_RCVBUF, a.space(8), a.put(length)};
        });
    expect_same(nr_getsockopt,
        [&](Arena& a) {
            return Args{tcp(a), IPPROTO_TCP, TCP_INFO, a.space(400), a.put(400)};
        },
        {.compare_memory = false}); // times are in it
    expect_same(nr_getsockopt, [&](Arena& a) {
        return Args{tcp(a), SOL_SOCKET, 77777, a.space(8), a.put(8)};
    });
    struct {
        uint16_t code;
        uint8_t yes, no;
        uint32_t k;
    } ret{6, 0, 0, 0xffff};
    struct {
        uint16_t count;
        uint64_t program;
    } filter{1, 0};
    expect_same(nr_setsockopt, [&](Arena& a) {
        filter.program = a.put(ret);
        return Args{tcp(a), SOL_SOCKET, 26, a.put(filter), 16};
    });
}

TEST(Others, processes) {
    expect_same(nr_prctl, [](Arena& a) { return Args{PR_GET_NAME, a.space(16)}; });
    expect_same(nr_prctl, [](Arena& a) {
        return Args{PR_SET_NAME, a.text("a name that is too long")};
    });
    prctl(PR_SET_NAME, "syscalls_test");
    expect_same(nr_prctl, [](Arena& a) { return Args{PR_GET_PDEATHSIG, a.space(4)}; });
    expect_same(nr_prctl, [](Arena&) { return Args{PR_GET_DUMPABLE}; });
    for (uint32_t version : {0x19980330u, 0x20071026u, 0x20080522u, 77u})
        expect_same(nr_capget, [&](Arena& a) {
            return Args{a.put(__user_cap_header_struct{version, 0}), a.space(24)};
        });
    struct {
        uint32_t size, policy;
        uint64_t rest[6];
    } attr{48, SCHED_OTHER, {}};
    expect_same(nr_sched_setattr, [&](Arena& a) { return Args{0, a.put(attr), 0}; });
    attr.size = 8;
    expect_same(nr_sched_setattr, [&](Arena& a) { return Args{0, a.put(attr), 0}; });
    expect_same(nr_sched_setscheduler, [](Arena& a) { return Args{0, SCHED_OTHER, a.put(0)}; });
    EXPECT_EQ(verdict_of(nr_sched_setscheduler, {0, SCHED_FIFO}), Verdict::comes_home);
    expect_same(nr_personality, [](Arena&) { return Args{0xffffffff}; });
    expect_same(nr_clock_gettime,
        [](Arena& a) {
            return Args{static_cast<uint64_t>(-5l), a.space(16)};
        },
        {.compare_result = false});
}

TEST(Others, memory_policies) {
    for (uint64_t bits : {0u, 1u, 2u, 64u, 65u, 1024u, 1025u, 4096u * 8 + 1, 4096u * 8 + 2}) {
        expect_same(nr_get_mempolicy, [&](Arena& a) {
            return Args{a.space(4), a.space(8192), bits, 0, 0};
        });
        expect_same(nr_get_mempolicy, // MPOL_F_MEMS_ALLOWED
            [&](Arena& a) {
                return Args{0, a.space(8192), bits, 0, 4};
            });
        expect_same(nr_set_mempolicy, // MPOL_DEFAULT, and a set that is not there
            [&](Arena& a) {
                return Args{0, a.space(8192), bits};
            });
        expect_same(nr_set_mempolicy, [&](Arena&) { return Args{1, 8, bits}; });
    }
    expect_same(nr_get_mempolicy, [](Arena& a) { return Args{a.space(4), 0, 0, 0, 0}; });
    expect_same(nr_get_mempolicy, [](Arena& a) { return Args{a.space(4), 0, 0, 4096, 0}; });
    expect_same(nr_get_mempolicy, [](Arena&) { return Args{8, 0, 0, 0, 0}; });
    EXPECT_EQ(verdict_of(nr_get_mempolicy, {0, 0, 0, 4096, 2}), Verdict::comes_home);
}

TEST(Others, system_v) {
    expect_same(nr_semctl, [](Arena& a) { return Args{77777, 0, IPC_STAT, a.space(104)}; });
    int const queue = msgget(IPC_PRIVATE, 0600 | IPC_CREAT);
    if (queue < 0) GTEST_SKIP() << "no message queues here";
    int const semaphores = semget(IPC_PRIVATE, 2, 0600 | IPC_CREAT);
    struct {
        long type;
        char text[10];
    } m{3, "messages!"};
    expect_same(nr_msgsnd, [&](Arena& a) { return Args{at(queue), a.put(m), 10, 0}; });
    auto const receive = [&](uint64_t size, uint64_t flags) {
        expect_same(nr_msgrcv, [&](Arena& a) {
            msgrcv(queue, &m, 10, 0, IPC_NOWAIT);
            m.type = 3;
            msgsnd(queue, &m, 10, 0);
            return Args{at(queue), a.space(18), size, 0, IPC_NOWAIT | flags};
        });
    };
    while (msgrcv(queue, &m, 10, 0, IPC_NOWAIT) >= 0) {
    }
    receive(10, 0);
    receive(4, 0);
    receive(4, MSG_NOERROR);
    receive(~0ul, 0);
    expect_same(nr_semop, [&](Arena& a) {
        return Args{at(semaphores), a.put(sembuf{0, 1, 0}), 1};
    });
    expect_same(nr_semtimedop,
        [&](Arena& a) {
            return Args{at(semaphores), a.put(sembuf{1, -1, 0}), 1, a.put(timespec{0, 1})};
        },
        {.may_not_be_null = 3});
    expect_same(nr_semctl,
        [&](Arena& a) {
            return Args{at(semaphores), 0, IPC_STAT, a.space(104)};
        },
        {.try_bad_pointers = false, .compare_result = false});
    msgctl(queue, IPC_RMID, nullptr);
    semctl(semaphores, 0, IPC_RMID);
}

TEST(Others, message_queues) {
    std::string const name = "/rove-syscalls-" + std::to_string(getpid());
    mq_attr attr{};
    attr.mq_maxmsg = 4;
    attr.mq_msgsize = 16;
    mqd_t const queue = mq_open(name.c_str(), O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attr);
    if (queue < 0) GTEST_SKIP() << "no POSIX message queues here";
    mq_unlink(name.c_str());
    auto const drained = [&] {
        char bytes[16];
        while (mq_receive(queue, bytes, 16, nullptr) >= 0) {
        }
        return at(queue);
    };
    expect_same(nr_mq_timedsend, [&](Arena& a) {
        return Args{drained(), a.text("hello"), 5, 3, a.put(timespec{0, 0})};
    });
    expect_same(nr_mq_timedreceive, [&](Arena& a) {
        drained();
        mq_send(queue, "hello", 5, 9);
        return Args{at(queue), a.space(16), 16, a.space(4), 0};
    });
    expect_same(nr_mq_getsetattr, [&](Arena& a) {
        return Args{at(queue), 0, a.space(sizeof attr)};
    });
    mq_close(queue);
}

TEST(Others, files_by_struct) {
    struct {
        uint64_t flags, mode, resolve;
    } how{O_RDONLY, 0, 0};
    for (uint64_t size : {24u, 8u, 0u, 20u})
        expect_same(nr_openat2, [&](Arena& a) {
            return Args{at(AT_FDCWD), a.text("/proc/self/maps"), a.put(how), size};
        });
    for (uint32_t length : {0u, 8u, 100u, 500u})
        expect_same(nr_name_to_handle_at, [&](Arena& a) {
            std::vector<uint32_t> handle(32);
            handle[0] = length;
            return Args{at(AT_FDCWD), a.text("/tmp"), a.put(handle), a.space(4), 0};
        });
    expect_same(nr_sysfs, [](Arena& a) { return Args{1, a.text("proc")}; });
    expect_same(nr_keyctl, [](Arena& a) {
        return Args{KEYCTL_DESCRIBE, 12345, a.space(100), 100};
    });
    expect_same(nr_landlock_create_ruleset, [](Arena&) { return Args{0, 0, 1}; });
    struct {
        uint32_t size, spare;
        uint64_t id, param;
    } request{24, 0, ~0ul, 0};
    expect_same(457, [&](Arena& a) { return Args{a.put(request), a.space(512), 512, 0}; });
    expect_same(458, [&](Arena& a) { return Args{a.put(request), a.space(64), 8, 0}; });
    expect_same(461, [&](Arena& a) { return Args{a.space(64), a.put(64), 0}; });
    expect_same(461, [&](Arena& a) { return Args{a.space(64), a.put(1), 0}; });
}

} // namespace
} // namespace rove::syscalls
