// SPDX-License-Identifier: Apache-2.0
// Executor: see executor.hh and ExecOp in wire/region.hh.
#include "rt/executor.hh"

#include "rt/futex.hh"
#include "rt/memory.hh"
#include "rt/number_room.hh"
#include "rt/pages.hh"
#include "rt/rights.hh"
#include "rt/sealed_pages.hh"
#include "rt/slot.hh"
#include "rt/sys.hh"

namespace rove::rt {

using wire::ExecCall;
using wire::ExecCommand;
using wire::ExecOp;
using wire::ExecReply;
using wire::PageRange;

bool read_exactly(int fd, void* to, uint64_t n) {
    auto* at = static_cast<unsigned char*>(to);
    while (n > 0) {
        long got = sys(0, fd, at, n);
        if (got == -4) continue; // EINTR
        if (got <= 0) return false;
        at += got;
        n -= static_cast<uint64_t>(got);
    }
    return true;
}

bool write_exactly(int fd, void const* from, uint64_t n) {
    auto const* at = static_cast<unsigned char const*>(from);
    while (n > 0) {
        long put = sys(44, fd, at, n, 0x4000); // sendto, MSG_NOSIGNAL
        if (put == -4) continue;
        if (put <= 0) return false;
        at += put;
        n -= static_cast<uint64_t>(put);
    }
    return true;
}

static long move_up(long fd, uint64_t at_least) {
    long moved = sys(72, fd, 1030, at_least); // fcntl F_DUPFD_CLOEXEC
    sys(3, fd);
    return moved;
}

/// One byte with a descriptor, in a place that is ready for it; the descriptor is moved to the
/// first free number from `at_least` on.
static long take_one(int socket, uint64_t at_least) {
    unsigned char byte = 0;
    int fd;
    long got = receive_with_descriptors(socket, &byte, 1, &fd, 1);
    if (got <= 0) return got == 0 ? -32 : got;
    if (fd < 0) return -71; // EPROTO
    if (static_cast<uint64_t>(fd) >= at_least) return fd;
    return move_up(fd, at_least);
}

static long make_userfault(uint64_t flags, uint64_t at_least) {
    NumberRoom room;
    long fd = sys(323, flags);
    return fd < 0 ? fd : move_up(fd, at_least);
}

static long take_fd(int socket, uint64_t at_least, bool of_program) {
    if (!of_program) return take_one(socket, at_least);
    // It is there before any lock is taken.
    struct {
        int32_t fd;
        int16_t events, got;
    } wanted{socket, 1, 0};
    while (sys(7, &wanted, 1, -1) == -4) {
    }
    NumberRoom room;
    return take_one(socket, at_least);
}

static long perform_calls(ExecCall const* calls, uint64_t count, int64_t* detail) {
    for (uint64_t i = 0; i < count; ++i) {
        auto const& c = calls[i];
        long result = rove_syscall(static_cast<long>(c.number), c.args[0], c.args[1], c.args[2],
            c.args[3], c.args[4], c.args[5]);
        *detail = result;
        bool wrong = c.want == -1 ? result < 0 && result > -4096 : result != c.want;
        if (wrong) return static_cast<long>(i);
    }
    return static_cast<long>(count);
}

/// Of the session of that epoch; null: it is not sealed.
static wire::Token const* token_of(uint64_t epoch) {
    return control().sealed[epoch & 1] != 0 ? &control().tokens[epoch & 1] : nullptr;
}

static long receive_all(int fd) {
    auto const* token = token_of(__atomic_load_n(&control().epoch, __ATOMIC_ACQUIRE));
    return token ? receive_pages_sealed(fd, *token) : receive_pages(fd);
}

/// Ahead of a homecoming, while deputies serve: only into what was mapped when that was asked for.
static long receive(uint64_t const* args) {
    int fd = static_cast<int>(args[0]);
    if (args[1] == 0) return receive_all(fd);
    Lock lock(&control().map_lock);
    constexpr long stale = -116; // ESTALE
    if (__atomic_load_n(&control().remapped, __ATOMIC_ACQUIRE) != static_cast<uint32_t>(args[2]))
        return stale;
    return receive_all(fd);
}

/// To the host of the epoch that is said, which may be the next one.
static long send_all_pages(uint64_t const* args, PageRange const* ranges, uint64_t count) {
    int fd = static_cast<int>(args[0]);
    bool end_mark = args[3] != 0;
    auto const* token = token_of(args[4]);
    return token ? send_pages_sealed(fd, ranges, count, end_mark, *token)
                 : send_pages(fd, ranges, count, end_mark);
}

/// Ahead of a homecoming as well. The bits lie in the buffer.
static long find_filled(uint64_t const* args, unsigned char* bits) {
    constexpr long stale = -116, wrong = -22; // ESTALE, EINVAL
    if (args[1] > wire::executor_inline_max * 8ull) return wrong;
    Lock lock(&control().map_lock);
    if (__atomic_load_n(&control().remapped, __ATOMIC_ACQUIRE) != static_cast<uint32_t>(args[2]))
        return stale;
    mark_filled(args[0], args[1], bits);
    return static_cast<long>((args[1] + 7) / 8);
}

Ended serve_commands(int fd, long (*start_thread)(uint32_t slot), uint64_t* run_slot) {
    auto* inlined = reinterpret_cast<unsigned char*>(wire::executor_buffer(region_base()));
    for (;;) {
        ExecCommand command;
        if (!read_exactly(fd, &command, sizeof command)) return Ended::lost;
        if (command.length > wire::executor_inline_max) return Ended::lost;
        if (!read_exactly(fd, inlined, command.length)) return Ended::lost;
        auto const* a = command.args;
        ExecReply reply{};
        uint64_t reply_at = a[0]; // where its inline bytes lie
        auto ranges = reinterpret_cast<PageRange const*>(inlined);
        uint64_t range_count = command.length / sizeof(PageRange);
        switch (command.op) {
        case ExecOp::call:
            reply.result =
                rove_syscall(static_cast<long>(a[6]), a[0], a[1], a[2], a[3], a[4], a[5]);
            break;
        case ExecOp::take_fd:
            reply.result = take_fd(fd, a[0], start_thread == nullptr);
            break;
        case ExecOp::receive:
            reply.result = receive(a);
            break;
        case ExecOp::send:
            reply.result = send_all_pages(a, ranges, range_count);
            break;
        case ExecOp::write:
            memcpy(reinterpret_cast<void*>(a[0]), inlined, command.length);
            reply.result = command.length;
            break;
        case ExecOp::read:
            if (a[1] > wire::executor_inline_max) {
                reply.result = -22;
                break;
            }
            reply.result = static_cast<int64_t>(a[1]);
            reply.length = static_cast<uint32_t>(a[1]);
            break;
        case ExecOp::populate:
            reply.result = populate(ranges, range_count);
            break;
        case ExecOp::calls:
            reply.result = perform_calls(reinterpret_cast<ExecCall const*>(inlined),
                command.length / sizeof(ExecCall), &reply.detail);
            break;
        case ExecOp::filled:
            reply.result = find_filled(a, inlined);
            if (reply.result > 0) reply.length = static_cast<uint32_t>(reply.result);
            reply_at = word(inlined);
            break;
        case ExecOp::userfault:
            reply.result = make_userfault(a[0], a[1]);
            break;
        case ExecOp::start:
            reply.result = start_thread ? start_thread(static_cast<uint32_t>(a[0])) : -38;
            break;
        case ExecOp::run:
            *run_slot = a[0];
            return Ended::run;
        case ExecOp::none:
        default:
            reply.result = -38;
            break;
        }
        if (!write_exactly(fd, &reply, sizeof reply)) return Ended::lost;
        if (reply.length > 0 &&
            !write_exactly(fd, reinterpret_cast<void const*>(reply_at), reply.length)) {
            return Ended::lost;
        }
    }
}

} // namespace rove::rt
