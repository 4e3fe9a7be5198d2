// SPDX-License-Identifier: Apache-2.0
// Look: the preflight of a move, and nothing after it. A process of its own, since a look may have to walk over many pages.
#include "migrate/look.hh"

#include <string>
#include <string_view>

#include <sys/socket.h>
#include <unistd.h>

#include "base/log.hh"
#include "base/text.hh"
#include "migrate/preflight.hh"
#include "sys/files.hh"
#include "sys/sockets.hh"
#include "wire/keeper.hh"

namespace rove::migrate {

int look_main(int argc, char** argv) {
    std::string socket;
    int order_fd = -1;
    for (int i = 2; i + 1 < argc; i += 2) {
        std::string_view name = argv[i];
        if (name == "--socket") socket = argv[i + 1];
        else if (name == "--order-fd") order_fd = parse_number<int>(argv[i + 1]).value_or(-1);
        else return 2;
    }
    auto text = sys::read_rest(order_fd, 1 << 20);
    auto order = text ? wire::decode<wire::LookOrder>(*text) : std::nullopt;
    if (!order) return 2;
    wire::Looked looked;
    looked.question = order->question;
    for (wire::Identity const& identity : order->processes) {
        Refusal refusal;
        auto found = survey(identity.pid, 0, refusal, order->quick != 0 ? "maps" : "smaps");
        if (!found && refusal.word.empty() && found.error().gone()) continue;
        auto stat = tracee::read_stat(identity.pid);
        if (!stat || stat->start_time != identity.start_time) continue;
        looked.sights.push_back({identity, refusal.word, refusal.word.empty() ? "" : found.error().sentence()});
    }
    auto line = sys::unix_connect(socket, SOCK_SEQPACKET);
    if (!line) return 1;
    std::string packet = wire::keeper_packet(wire::KeeperType::looked, looked);
    return ::send(line->number(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0 ? 1 : 0;
}

} // namespace rove::migrate
