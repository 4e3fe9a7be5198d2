// SPDX-License-Identifier: Apache-2.0
// Executor: the client.
#include "migrate/executor.hh"

#include <algorithm>
#include <cstring>

#include <linux/futex.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "sys/sockets.hh"

namespace rove::migrate {

using wire::ExecOp;

namespace {
template <class T> std::string_view bytes_of(T const* items, size_t count) {
    return {reinterpret_cast<char const*>(items), count * sizeof(T)};
}
} // namespace

Status Executor::send(ExecOp op, std::vector<uint64_t> const& args, std::string_view bytes) {
    // Commands are not sent ahead here: a reply that is owed is of one that was given up.
    while (owed_ > 0)
        (void)TRY(wait(std::chrono::seconds(10)));
    wire::ExecCommand command{};
    command.op = op;
    command.length = static_cast<uint32_t>(bytes.size());
    for (size_t i = 0; i < args.size() && i < 7; ++i)
        command.args[i] = args[i];
    std::string all(bytes_of(&command, 1));
    all += bytes;
    TRY(sys::send_all(socket_.number(), as_bytes(all)));
    ++owed_;
    return {};
}

Result<Executor::Reply> Executor::wait(Nanos patience) {
    Deadline deadline = Deadline::after(patience);
    for (;;) {
        pollfd wanted{socket_.number(), POLLIN, 0};
        int ready = ::poll(&wanted, 1, std::min(deadline.poll_ms(), look_ms));
        if (ready > 0) return take(deadline);
        TRY(idle());
        if (deadline.passed()) return deny(ETIMEDOUT, "the porter does not answer");
    }
}

Result<Executor::Reply> Executor::take(Deadline deadline) {
    wire::ExecReply head;
    TRY(sys::recv_exact(socket_.number(), &head, sizeof head, deadline));
    Reply reply{head.result, head.detail, {}};
    if (head.length > wire::executor_inline_max) return deny(EPROTO, "the porter sends too much");
    reply.bytes.resize(head.length);
    if (head.length > 0)
        TRY(sys::recv_exact(socket_.number(), reply.bytes.data(), head.length, deadline));
    --owed_;
    return reply;
}

Result<Executor::Reply> Executor::perform(
    ExecOp op, std::vector<uint64_t> const& args, std::string_view bytes, Nanos patience) {
    TRY(send(op, args, bytes));
    Reply reply = TRY(wait(patience));
    if (reply.result < 0)
        return fail(
            static_cast<int>(-reply.result), "the porter cannot do {}", static_cast<int>(op));
    return reply;
}

Result<int64_t> Executor::call(uint64_t number, std::vector<uint64_t> const& args) {
    std::vector<uint64_t> all = args;
    all.resize(6);
    all.push_back(number);
    TRY(send(ExecOp::call, all));
    return TRY(wait(std::chrono::seconds(10))).result;
}

Status Executor::calls(std::vector<wire::ExecCall> const& list) {
    constexpr size_t batch = wire::executor_inline_max / sizeof(wire::ExecCall);
    for (size_t at = 0; at < list.size(); at += batch) {
        size_t count = std::min(batch, list.size() - at);
        TRY(send(ExecOp::calls, {}, bytes_of(list.data() + at, count)));
        Reply reply = TRY(wait(std::chrono::seconds(10)));
        if (reply.result != static_cast<int64_t>(count)) {
            size_t failed = at + static_cast<size_t>(std::max<int64_t>(reply.result, 0));
            auto const& call = list[std::min(failed, list.size() - 1)];
            return fail(static_cast<int>(std::min<int64_t>(-reply.detail, 4095)),
                "call {} of the porter at {:#x} (+{:#x})", call.number, call.args[0], call.args[1]);
        }
    }
    return {};
}

Status Executor::calls_tolerant(std::vector<wire::ExecCall> const& list) {
    constexpr size_t batch = wire::executor_inline_max / sizeof(wire::ExecCall);
    for (size_t at = 0; at < list.size();) {
        size_t count = std::min(batch, list.size() - at);
        TRY(send(ExecOp::calls, {}, bytes_of(list.data() + at, count)));
        Reply reply = TRY(wait(std::chrono::seconds(10)));
        auto done = static_cast<size_t>(std::max<int64_t>(reply.result, 0));
        at += std::min(count, done + 1); // past the one that failed
    }
    return {};
}

Result<int> Executor::take_fd(int fd, int at_least) {
    TRY(send(ExecOp::take_fd, {static_cast<uint64_t>(at_least)}));
    uint8_t byte = 0;
    TRY(sys::send_fds(socket_.number(), ByteView(&byte, 1), {fd}));
    Reply reply = TRY(wait(std::chrono::seconds(10)));
    if (reply.result < 0)
        return fail(static_cast<int>(-reply.result), "the process cannot take a descriptor");
    return static_cast<int>(reply.result);
}

Status Executor::send_pages(
    int fd_there, std::vector<wire::PageRange> const& ranges, uint32_t epoch) {
    constexpr size_t batch = wire::executor_inline_max / sizeof(wire::PageRange);
    auto none = static_cast<uint64_t>(-1);
    for (size_t at = 0;; at += batch) {
        size_t count = at < ranges.size() ? std::min(batch, ranges.size() - at) : 0;
        bool last = at + batch >= ranges.size();
        TRY(perform(ExecOp::send,
            {static_cast<uint64_t>(fd_there), none, none, last ? 1u : 0u, epoch},
            bytes_of(ranges.data() + at, count), std::chrono::hours(1)));
        if (last) return {};
    }
}

Status Executor::wake(uint64_t address, uint32_t count) {
    TRY(call(SYS_futex, {address, FUTEX_WAKE_PRIVATE, count}));
    return {};
}

Status Executor::end_porter() {
    return send(ExecOp::run, {});
}

} // namespace rove::migrate
