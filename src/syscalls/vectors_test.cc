// SPDX-License-Identifier: Apache-2.0
// Vectors: scattered buffers and messages made of them, natively and from afar.
#include "abi/x86_64/numbers.hh"
#include "syscalls/testing/compare.hh"
#include "syscalls/testing/descriptors.hh"

#include <netinet/in.h>

namespace rove::syscalls {
namespace {

using namespace rove::abi;
using namespace rove::syscalls::testing;

iovec piece(Arena& a, size_t size) {
    return {a.buffer(size).data(), size};
}

TEST(Vectors, of_any_number_and_length) {
    for (unsigned count : {0u, 1u, 2u, 10u, 64u, 65u, 300u, 1024u, 1025u}) {
        auto const many = [&](Arena& a) {
            std::vector<iovec> v;
            for (unsigned i = 0; i < count; ++i)
                v.push_back(piece(a, i % 7 == 3 ? 0 : 1 + i % 50));
            return a.put(v);
        };
        Options few{.try_bad_pointers = count < 70};
        expect_same(
            nr_readv,
            [&](Arena& a) {
                return Args{at(file_of(a, 9000)), many(a), count};
            },
            few);
        expect_same(
            nr_writev,
            [&](Arena& a) {
                return Args{at(file_of(a, 10)), many(a), count};
            },
            few);
        expect_same(
            nr_preadv,
            [&](Arena& a) {
                return Args{at(file_of(a, 5000)), many(a), count, 5, 0};
            },
            few);
        expect_same(
            nr_pwritev2,
            [&](Arena& a) {
                return Args{at(file_of(a, 50)), many(a), count, ~0ul, 0, 0};
            },
            few);
    }
}

TEST(Vectors, wrong_ones) {
    auto const wrong = [](std::vector<iovec> v) {
        for (unsigned nr : {nr_readv, nr_writev})
            expect_same(nr, [&](Arena& a) {
                return Args{at(file_of(a, 9000)), a.put(v), v.size()};
            });
    };
    wrong({{nullptr, 10}});
    wrong({{nullptr, 0}});
    wrong({{nullptr, ~0ul}});
    wrong({{nullptr, 1ul << 62}, {nullptr, 1ul << 62}});
    for (unsigned nr : {nr_readv, nr_writev}) {
        // a bad page in the middle: what is before it is moved
        expect_same(nr, [&](Arena& a) {
            iovec const good = piece(a, 4000), behind = piece(a, 10);
            return Args{at(file_of(a, 9000)),
                a.put(std::vector<iovec>{good, {a.buffer(50).data() + 20, 100}, behind}), 3};
        });
        expect_same(nr, [&](Arena& a) {
            return Args{
                at(file_of(a, 90)), a.put(std::vector<iovec>{piece(a, 10), {nullptr, ~0ul}}), 2};
        });
    }
}

TEST(Vectors, long_ones_are_continued) {
    Options small{.bytes_max = 1 << 20};
    for (unsigned nr : {nr_readv, nr_writev, nr_preadv, nr_pwritev})
        expect_same(
            nr,
            [&](Arena& a) {
                int const fd = file_of(a, 3500000);
                return Args{at(fd),
                    a.put(std::vector<iovec>{piece(a, 700001), piece(a, 1), piece(a, 2500003)}), 3,
                    11, 0};
            },
            small);
}

TEST(Vectors, may_overwrite_their_own_array) {
    ScratchMemory memory;
    Arena a;
    int const fd = file_of(a, 100);
    Guarded& array = a.buffer(48);
    Guarded& last = a.buffer(4);
    iovec const v[] = {{array.data(), 48}, {last.data(), 4}};
    memcpy(array.data(), v, sizeof v);
    EXPECT_EQ(round_trip(nr_readv, {at(fd), array.address(), 2}, a, memory).result, 52);
    char bytes[52];
    EXPECT_EQ(pread(fd, bytes, 52, 0), 52);
    EXPECT_EQ(array.bytes(), std::string(bytes, 48));
    EXPECT_EQ(last.bytes(), std::string(bytes + 48, 4));
}

/// A control message that passes standard input.
struct Control {
    size_t length = CMSG_LEN(4);
    int level = SOL_SOCKET, type = SCM_RIGHTS;
    int fd = 0;
    int pad = 0;
};

msghdr message(Arena& a, std::vector<iovec> const& v, size_t name = 0, size_t control = 0) {
    msghdr m{};
    m.msg_iov = reinterpret_cast<iovec*>(a.put(v));
    m.msg_iovlen = v.size();
    if (name) {
        m.msg_name = a.buffer(name).data();
        m.msg_namelen = static_cast<socklen_t>(name);
    }
    if (control) {
        m.msg_control = a.buffer(control).data();
        m.msg_controllen = control;
    }
    return m;
}

TEST(Messages, sent) {
    for (int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        expect_same(nr_sendmsg, [&](Arena& a) {
            return Args{
                at(pair_of(a, type).first), a.put(message(a, {piece(a, 10), piece(a, 100)})), 0};
        });
        expect_same(nr_sendmsg, [&](Arena& a) {
            return Args{at(pair_of(a, type).first), a.put(message(a, {})), MSG_DONTWAIT};
        });
        expect_same(nr_sendmsg, [&](Arena& a) {
            msghdr m = message(a, {piece(a, 10)});
            m.msg_iovlen = 1025;
            return Args{at(pair_of(a, type).first), a.put(m), 0};
        });
        expect_same(nr_sendmsg, [&](Arena& a) {
            msghdr m = message(a, {piece(a, 10)}, 100);
            return Args{at(pair_of(a, type).first), a.put(m), 0};
        });
        expect_same(nr_sendmsg, [&](Arena& a) {
            msghdr m = message(a, {piece(a, 10)});
            m.msg_control = reinterpret_cast<void*>(a.put(Control{.fd = 0}));
            m.msg_controllen = CMSG_SPACE(4);
            return Args{at(pair_of(a, type).first), a.put(m), 0};
        });
        for (long length : {-1l, 1l << 40, 5l})
            expect_same(nr_sendmsg, [&](Arena& a) {
                msghdr m = message(a, {piece(a, 10)}, 0, 32);
                m.msg_controllen = static_cast<size_t>(length);
                return Args{at(pair_of(a, type).first), a.put(m), 0};
            });
    }
}

TEST(Messages, received) {
    for (int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET})
        for (size_t control : {0u, 8u, 24u, 100u})
            for (size_t name : {0u, 1u, 110u})
                expect_same(nr_recvmsg,
                    [&](Arena& a) {
                        auto [from, to] = pair_of(a, type);
                        char text[] = "some text";
                        iovec v{text, 9};
                        Control c{.fd = 0};
                        msghdr m{};
                        m.msg_iov = &v;
                        m.msg_iovlen = 1;
                        m.msg_control = &c;
                        m.msg_controllen = CMSG_SPACE(4);
                        EXPECT_EQ(sendmsg(from, &m, 0), 9);
                        return Args{at(to),
                            a.put(message(a, {piece(a, 4), piece(a, 3)}, name, control)), 0};
                    },
                    {.try_bad_pointers = control == 100});
}

TEST(Messages, several_at_once) {
    auto const sending = [](Arena& a, unsigned count) {
        std::vector<mmsghdr> m(count);
        for (unsigned i = 0; i < count; ++i)
            m[i].msg_hdr = message(a, {piece(a, i), piece(a, 3)});
        return a.put(m);
    };
    auto const receiving = [](Arena& a, unsigned count) {
        std::vector<mmsghdr> m(count);
        for (unsigned i = 0; i < count; ++i)
            m[i].msg_hdr =
                message(a, {piece(a, 10), piece(a, 10)}, i % 2 ? 110 : 0, i % 3 ? 0 : 64);
        return a.put(m);
    };
    for (unsigned count : {0u, 1u, 3u, 11u, 40u, 100u}) {
        expect_same(nr_sendmmsg, [&](Arena& a) {
            return Args{
                at(pair_of(a, SOCK_SEQPACKET).first), sending(a, count), count, MSG_DONTWAIT};
        });
        for (unsigned there : {0u, 1u, 10u, 30u})
            for (uint64_t flags : {uint64_t{MSG_DONTWAIT}, uint64_t{MSG_WAITFORONE | MSG_DONTWAIT}})
                expect_same(nr_recvmmsg,
                    [&](Arena& a) {
                        auto [from, to] = pair_of(a, SOCK_SEQPACKET);
                        for (unsigned i = 0; i < there; ++i)
                            EXPECT_EQ(send(from, std::string(i, 'm').data(), i, 0), i);
                        return Args{at(to), receiving(a, count), count, flags, 0};
                    },
                    {.try_bad_pointers = count == 3,
                        .compare_result = there == 0 || count <= there});
    }
}

TEST(Messages, time_left_returns) {
    ScratchMemory memory;
    Arena a;
    auto [from, to] = pair_of(a, SOCK_SEQPACKET);
    EXPECT_EQ(send(from, "one", 3, 0), 3);
    EXPECT_EQ(send(from, "two", 3, 0), 3);
    mmsghdr m{};
    m.msg_hdr = message(a, {piece(a, 10)});
    uint64_t const limit = a.put(timespec{100, 0});
    EXPECT_EQ(round_trip(nr_recvmmsg, {at(to), a.put(m), 1, 0, limit}, a, memory).result, 1);
    EXPECT_EQ(reinterpret_cast<timespec*>(limit)->tv_sec, 99);
}

} // namespace
} // namespace rove::syscalls
