// SPDX-License-Identifier: Apache-2.0
// Builder: see builder.hh.
#include "warden/builder.hh"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <memory>

namespace rove::warden {

using wire::ExecCall;
using wire::ExecCommand;
using wire::ExecOp;
using wire::ExecReply;

namespace {

template <class T> std::string_view view_of(T const& value) {
    return std::string_view(reinterpret_cast<char const*>(&value), sizeof value);
}

} // namespace

void Builder::queue(std::string_view bytes) {
    // Small commands are joined, so that one send carries many.
    if (output_.empty() || output_.back().fd || output_.back().bytes.size() > 65536)
        output_.emplace_back();
    output_.back().bytes += bytes;
}

void Builder::command(
    ExecOp op, std::vector<uint64_t> const& args, std::string_view inlined, Done done) {
    ExecCommand command{};
    command.op = op;
    command.length = static_cast<uint32_t>(inlined.size());
    std::copy(args.begin(), args.end(), command.args);
    queue(view_of(command));
    queue(inlined);
    waiting_.push_back(std::move(done));
}

void Builder::give(Fd fd, uint64_t at_least, Done done) {
    command(ExecOp::take_fd, {at_least}, {}, std::move(done));
    // The descriptor's byte is a message of its own: the guest reads commands by their exact size.
    output_.emplace_back(Piece{std::string(1, '\0'), std::move(fd)});
}

void Builder::calls(std::vector<ExecCall> const& list, std::function<void(Status)> const& done) {
    constexpr size_t batch = wire::executor_inline_max / sizeof(ExecCall);
    auto failure = std::make_shared<Status>();
    for (size_t at = 0; at < list.size();) {
        if (list[at].want == whatever_result) {
            auto const& call = list[at++];
            auto const* a = call.args;
            command(ExecOp::call, {a[0], a[1], a[2], a[3], a[4], a[5], call.number}, {},
                [](ExecReply const&, std::string_view) {});
            continue;
        }
        size_t count = 0;
        while (
            count < batch && at + count < list.size() && list[at + count].want != whatever_result)
            ++count;
        std::vector<ExecCall> part(
            list.begin() + static_cast<long>(at), list.begin() + static_cast<long>(at + count));
        at += count;
        std::string_view bytes(
            reinterpret_cast<char const*>(part.data()), count * sizeof(ExecCall));
        command(
            ExecOp::calls, {}, bytes, [failure, part](ExecReply const& reply, std::string_view) {
                auto made = static_cast<size_t>(reply.result);
                if (!*failure || made >= part.size()) return;
                auto const& call = part[made];
                int code = reply.detail < 0 && reply.detail > -4096
                               ? static_cast<int>(-reply.detail)
                               : EPROTO;
                *failure = fail(code, "the guest's call {}({:#x}, {:#x}, {:#x}, {:#x}) gave {}",
                    call.number, call.args[0], call.args[1], call.args[2], call.args[3],
                    reply.detail);
            });
    }
    // An empty batch: its reply says that all before have been performed.
    command(ExecOp::calls, {}, {},
        [done, failure](ExecReply const&, std::string_view) { done(*failure); });
}

void Builder::run(uint32_t slot) {
    command(ExecOp::run, {slot}, {}, [](ExecReply const&, std::string_view) {});
    waiting_.pop_back();
}

Status Builder::flush() {
    while (!output_.empty()) {
        auto& piece = output_.front();
        iovec vector{piece.bytes.data(), piece.bytes.size()};
        msghdr message{};
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
        if (piece.fd) {
            message.msg_control = space;
            message.msg_controllen = sizeof space;
            cmsghdr* head = CMSG_FIRSTHDR(&message);
            head->cmsg_level = SOL_SOCKET;
            head->cmsg_type = SCM_RIGHTS;
            head->cmsg_len = CMSG_LEN(sizeof(int));
            int fd = piece.fd.number();
            memcpy(CMSG_DATA(head), &fd, sizeof fd);
        }
        ssize_t sent = sendmsg(socket_.number(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) return {};
            return fail(errno, "cannot send a command to the guest");
        }
        piece.bytes.erase(0, static_cast<size_t>(sent));
        if (piece.bytes.empty()) output_.pop_front();
    }
    return {};
}

Status Builder::serve() {
    for (;;) {
        char bytes[16384];
        ssize_t got = recv(socket_.number(), bytes, sizeof bytes, MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && errno == EAGAIN) break;
        if (got < 0) return fail(errno, "cannot read the guest's replies");
        if (got == 0) return fail(EPIPE, "the guest has closed its command socket");
        input_.append(bytes, static_cast<size_t>(got));
    }
    while (input_.size() >= sizeof(ExecReply)) {
        ExecReply reply;
        memcpy(&reply, input_.data(), sizeof reply);
        if (reply.length > wire::executor_inline_max || waiting_.empty())
            return fail(EBADMSG, "the guest sent a reply that nobody asked for");
        if (input_.size() < sizeof reply + reply.length) break;
        std::string inlined = input_.substr(sizeof reply, reply.length);
        input_.erase(0, sizeof reply + reply.length);
        Done done = std::move(waiting_.front());
        waiting_.pop_front();
        done(reply, inlined); // may come back here
        if (!socket_) break;
    }
    return {};
}

} // namespace rove::warden
