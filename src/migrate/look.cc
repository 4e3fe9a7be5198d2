// SPDX-License-Identifier: Apache-2.0
// Look: the preflight of a move, and nothing after it. A process of its own, since a look may have
// to walk over many pages.
#include "migrate/look.hh"

#include <sys/socket.h>

#include "migrate/order.hh"
#include <algorithm>

#include "migrate/preflight.hh"
#include "sys/sockets.hh"
#include "wire/keeper.hh"

namespace rove::migrate {

int look_main(int argc, char** argv) {
    auto given = take_order<wire::LookOrder>(argc, argv);
    if (!given) return 2;
    wire::LookOrder const& order = given->order;
    wire::Looked looked;
    looked.question = order.question;
    for (wire::Identity const& identity : order.processes) {
        Refusal refusal;
        bool watched = std::find(order.watched.begin(), order.watched.end(), identity.pid) !=
                       order.watched.end();
        auto found = survey(identity.pid, 0, refusal, order.quick != 0 ? "maps" : "smaps", watched);
        if (!found && refusal.word.empty() && found.error().gone()) continue;
        auto stat = tracee::read_stat(identity.pid);
        if (!stat || stat->start_time != identity.start_time) continue;
        looked.sights.push_back(
            {identity, refusal.word, refusal.word.empty() ? "" : found.error().sentence()});
    }
    auto line = sys::unix_connect(given->socket, SOCK_SEQPACKET);
    if (!line) return 1;
    std::string packet = wire::keeper_packet(wire::KeeperType::looked, looked);
    return ::send(line->number(), packet.data(), packet.size(), MSG_NOSIGNAL) < 0 ? 1 : 0;
}

} // namespace rove::migrate
