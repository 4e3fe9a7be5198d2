// SPDX-License-Identifier: Apache-2.0
// Pursue: moves that nobody waits for. Of each process one is under way and one is wished: the
// latest, since who does not wait for a move before he asks for the next has changed his mind.
#include "node/node.hh"

namespace rove::node {

void Node::wish(ProcessPtr const& process, std::string to, uid_t asker) {
    process->wished = MoveWish{std::move(to), asker};
    if (!std::exchange(process->pursued, true)) start(io_, pursue(process));
}

Task<> Node::pursue(ProcessPtr process) {
    while (process->wished && !process->ended && !ending_) {
        {
            auto turn = co_await process->turn.enter(); // what is wished by then counts
        }
        MoveWish wish = *std::exchange(process->wished, std::nullopt);
        (void)co_await move(process, wish.to, wish.asker);
    }
    process->pursued = false;
}

} // namespace rove::node
