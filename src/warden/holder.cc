// SPDX-License-Identifier: Apache-2.0
// Holder: see holder.hh.
#include "warden/holder.hh"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/text.hh"
#include "sys/files.hh"
#include "sys/process.hh"
#include "sys/sockets.hh"
#include "warden/numbers.hh"
#include "wire/region.hh"

namespace rove::warden {

namespace {
constexpr Nanos answer_patience = std::chrono::seconds(1); // of all its household
}

pid_t holder_pid(unsigned n) {
    auto text = sys::read_file("/proc/sys/kernel/pid_max");
    if (!text) return 0;
    auto end = parse_number<pid_t>(trim(*text));
    constexpr unsigned turns = 100; // who had the number before may not be gone yet
    return end && *end > 1000 ? *end - 1 - static_cast<pid_t>(n % turns) : 0;
}

Result<Holder> Holder::of(pid_t pid, Fd socket) {
    TRY(sys::set_io_timeout(socket.number(), answer_patience));
    return Holder(pid, std::move(socket), TRY(sys::pidfd_open(pid)));
}

// Killed before the socket closes: the end of that would have it go on.
Holder::~Holder() {
    if (pidfd_) (void)sys::pidfd_send_signal(pidfd_.number(), SIGKILL);
}

Status Holder::expect(int64_t result) const {
    wire::HolderReply reply{};
    ssize_t got = recv(socket_.number(), &reply, sizeof reply, 0);
    if (got != sizeof reply) return fail(got < 0 ? errno : EPIPE, "the holder does not answer");
    if (reply.result == result) return {};
    int code = reply.result < 0 ? static_cast<int>(-reply.result) : EPROTO;
    return fail(code, "the holder answers {}", reply.result);
}

Status Holder::await() const {
    return expect(1);
}

Status Holder::clear() const {
    if (send(socket_.number(), "", 0, MSG_NOSIGNAL) != 0)
        return fail(errno, "cannot wake the holder");
    return expect(0);
}

Status Holder::make_guest(pid_t pid, int command, int service) const {
    wire::HolderOrder order{pid, command_number};
    TRY(sys::send_fds(socket_.number(),
        ByteView(reinterpret_cast<uint8_t const*>(&order), sizeof order), {command, service}));
    TRY(expect(pid));
    return await();
}

} // namespace rove::warden
