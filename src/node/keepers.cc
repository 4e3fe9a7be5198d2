// SPDX-License-Identifier: Apache-2.0
// Keepers: the socket, and spawning.
#include "node/keepers.hh"

#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <spdlog/spdlog.h>

#include "node/local_listener.hh"
#include "sys/files.hh"
#include "sys/process.hh"
#include "sys/sockets.hh"

namespace rove::node {

using wire::KeeperType;

Status Keeper::send_packet(std::string const& packet) {
    ssize_t sent =
        ::send(socket_.number(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) return fail(errno, "cannot send to keeper {}", pid_);
    return {};
}

Keepers::Keepers(asio::io_context& io, std::string run_dir, Events events)
    : io_(io), run_dir_(std::move(run_dir)), events_(std::move(events)) {}

Status Keepers::listen() {
    return listen_locally(
        io_, run_dir_ + "/keepers.sock", 0600, [this](Fd socket, ucred const& caller) {
            if (caller.uid == 0 || caller.uid == ::geteuid())
                start(io_, serve(std::make_shared<Keeper>(std::move(socket), caller.pid)));
        });
}

Task<> Keepers::serve(std::shared_ptr<Keeper> keeper) {
    asio::posix::stream_descriptor ready(io_, ::fcntl(keeper->number(), F_DUPFD_CLOEXEC, 3));
    std::string buffer(wire::keeper_packet_max, '\0');
    for (;;) {
        auto [error] =
            co_await ready.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
        if (error) break;
        ssize_t count =
            ::recv(keeper->number(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_TRUNC);
        if (count < 0 && sys::may_follow(errno)) continue;
        if (count <= 0) break;
        if (static_cast<size_t>(count) > buffer.size() ||
            !take(keeper, std::string_view(buffer).substr(0, static_cast<size_t>(count)))) {
            spdlog::warn(
                "keeper {}: a packet that is no message; the connection is closed", keeper->pid());
            break;
        }
    }
    if (keeper->role != KeeperRole::unknown) events_.closed(keeper);
}

bool Keepers::take(std::shared_ptr<Keeper> const& keeper, std::string_view bytes) {
    auto packet = wire::open_keeper_packet(bytes);
    if (!packet) return false;
    if (keeper->role != KeeperRole::unknown) return events_.packet(keeper, *packet);
    if (packet->type == KeeperType::steward_hello) {
        auto hello = wire::decode<wire::StewardHello>(packet->body);
        if (!hello || hello->steward_pid != keeper->pid()) return false;
        keeper->role = KeeperRole::steward;
        events_.steward_hello(keeper, std::move(*hello));
        return true;
    }
    if (packet->type == KeeperType::looked) {
        auto looked = wire::decode<wire::Looked>(packet->body);
        if (looked) events_.looked(*looked);
        return looked.has_value();
    }
    if (packet->type == KeeperType::warden_hello) {
        auto hello = wire::decode<wire::WardenHello>(packet->body);
        if (!hello) return false;
        keeper->role = KeeperRole::warden;
        events_.warden_hello(keeper, std::move(*hello));
        return true;
    }
    return false;
}

Result<pid_t> Keepers::spawn(
    std::string const& role, std::vector<std::string> const& arguments, std::string const& order) {
    std::string own = TRY(sys::read_link("/proc/self/exe"));
    if (own.ends_with(" (deleted)")) own.resize(own.size() - 10);
    Fd text = TRY(sys::memfd("rove-order"));
    TRY(sys::write_all(text.number(), as_bytes(order)));
    (void)::lseek(text.number(), 0, SEEK_SET);
    constexpr int order_fd = 3;
    sys::Spawn what;
    what.command = {own.substr(0, own.rfind('/')) + "/rove-keeper", role, "--socket",
        run_dir_ + "/keepers.sock"};
    what.command.insert(what.command.end(), arguments.begin(), arguments.end());
    what.command.insert(what.command.end(), {"--order-fd", std::to_string(order_fd)});
    Fd null = TRY(sys::open("/dev/null", O_RDWR));
    what.descriptors = {{null.number(), 0}, {2, 1}, {2, 2}, {text.number(), order_fd}};
    what.new_session = true;
    // Asio opens its sockets without CLOEXEC; a keeper that held our listener would keep the next
    // daemon from listening.
    (void)::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    sys::Child child = TRY(sys::spawn(what));
    return child.pid;
}

} // namespace rove::node
