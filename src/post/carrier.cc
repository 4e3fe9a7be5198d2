// SPDX-License-Identifier: Apache-2.0
// Carrier: see carrier.hh.
#include "post/carrier.hh"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "abi/x86_64/call_by_site.hh"

namespace rove::post {

using wire::MailOp;

// A page of its own for the end of the text, most of which is free then for the detour of that site
// (guest/patch.cc): otherwise it would be luck whether there is room. By these bytes the text is
// known again.
asm(".pushsection .rove_room, \"ax\", @progbits\n"
    ".balign 4096, 0xcc\n"
    ".fill 64, 1, 0xcc\n"
    ".popsection");

namespace {

MailHost played_host = nullptr;

// One site for all, which the runtime of a guest patches once it is hot.
[[gnu::noinline]] long ask_runtime(MailOp op, uint64_t first, uint64_t second, uint64_t third) {
    return abi::call_by_site<wire::mail_call>(static_cast<uint64_t>(op), first, second, third);
}

// As a system call: -1 and errno.
long call(MailOp op, uint64_t first, uint64_t second = 0, uint64_t third = 0) {
    if (played_host != nullptr) return played_host(op, first, second, third);
    long result = ask_runtime(op, first, second, third);
    if (result >= 0) return result;
    errno = static_cast<int>(-result);
    return -1;
}

uint64_t address(void const* bytes) {
    return reinterpret_cast<uintptr_t>(bytes);
}

} // namespace

void set_mail_host(MailHost host) {
    played_host = host;
}

Carrier Carrier::take(uint64_t ticket) {
    Carrier taken;
    if (call(MailOp::take, ticket) == 0) taken.ticket_ = ticket;
    taken.is_memory_ = taken && call(MailOp::is_memory, ticket) == 1; // an older runtime: ENOSYS
    return taken;
}

Carrier& Carrier::operator=(Carrier&& other) noexcept {
    close();
    socket_ = std::move(other.socket_);
    ticket_ = std::exchange(other.ticket_, 0);
    is_memory_ = std::exchange(other.is_memory_, false);
    astray_ = std::exchange(other.astray_, false);
    return *this;
}

// The socket itself is ended, for its host's daemon has a copy; that one reads what still comes.
void Carrier::close() {
    socket_.close();
    if (ticket_ != 0 && end()) (void)ask(MailOp::leave);
    forget();
}

void Carrier::leave() {
    if (ticket_ == 0 || astray_) return;
    (void)ask(MailOp::leave);
    astray_ = true;
}

void Carrier::follow(Fd socket) {
    socket_ = std::move(socket);
    ticket_ = 0;
    is_memory_ = astray_ = false;
}

void Carrier::forget() {
    socket_.close();
    ticket_ = 0;
    is_memory_ = astray_ = false;
}

long Carrier::ask(MailOp op, uint64_t at, uint64_t length) {
    long result = astray_ ? -1 : call(op, ticket_, at, length);
    bool unknown = !astray_ && op == MailOp::send_more && result < 0 && errno == ENOSYS;
    if (unknown) result = call(MailOp::send, ticket_, at, length); // an older runtime
    astray_ = astray_ || (result < 0 && (errno == EBADF || errno == ENOSYS));
    if (astray_) errno = EAGAIN;
    return result;
}

bool Carrier::end() {
    if (ticket_ == 0) return ::shutdown(socket_.number(), SHUT_WR) == 0;
    return ask(MailOp::end) == 0;
}

ssize_t Carrier::send(std::span<mailbox::Piece const> pieces) {
    if (ticket_ == 0) {
        std::array<iovec, 32> parts;
        size_t count = std::min(pieces.size(), parts.size());
        for (size_t i = 0; i < count; ++i)
            parts[i] = {const_cast<char*>(pieces[i].bytes), pieces[i].length};
        msghdr message{};
        message.msg_iov = parts.data();
        message.msg_iovlen = count;
        return ::sendmsg(socket_.number(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    // What is short goes together; a long piece goes from where it lies, behind those.
    constexpr size_t together = 16 << 10, long_piece = together;
    std::array<char, together> block;
    size_t used = 0;
    for (auto const& piece : pieces) {
        if (piece.length >= long_piece) {
            ssize_t before = used > 0 ? ask(MailOp::send_more, address(block.data()), used) : 0;
            if (before < 0 || static_cast<size_t>(before) < used) return before;
            ssize_t sent = ask(MailOp::send, address(piece.bytes), piece.length);
            return sent < 0 ? (before > 0 ? before : sent) : before + sent;
        }
        size_t part = std::min(piece.length, block.size() - used);
        std::memcpy(block.data() + used, piece.bytes, part);
        used += part;
        if (part < piece.length) break;
    }
    return used > 0 ? ask(MailOp::send, address(block.data()), used) : 0;
}

ssize_t Carrier::receive(char* to, size_t most) {
    if (ticket_ == 0) return ::recv(socket_.number(), to, most, MSG_DONTWAIT);
    return ask(MailOp::receive, address(to), most);
}

long wait_for(std::vector<wire::MailWait>& ends, Nanos timeout) {
    for (auto& end : ends)
        end.ready = 0;
    long ready = call(MailOp::wait, address(ends.data()), ends.size(),
        static_cast<uint64_t>(timeout == Nanos::max() ? -1 : timeout.count()));
    return ready < 0 ? -errno : ready;
}

} // namespace rove::post
