// SPDX-License-Identifier: Apache-2.0
// Storm: moves one process of a `--storm` program about until it ends.
#include "node/node.hh"
#include "node/reasons.hh"
#include "node/storm_timing.hh"

namespace rove::node {

Task<> Node::storm(ProcessPtr process) {
    while (!ending_ && !process->ended) {
        auto program = programs_.find(process->program);
        if (program == programs_.end() || program->second->wish.storm_ms == 0) break;
        ProgramWish const& wish = program->second->wish;
        uid_t asker = program->second->uid;
        std::mt19937_64 random = storm_random(wish.seed, process->number, process->storm_step);
        Nanos wait = storm_pause(wish.storm_ms, process->last_move_took, random);
        Nanos due = std::max(process->last_move_ended, process->born) + wait;
        co_await pause(io_, std::max(due - monotonic_now(), Nanos(std::chrono::milliseconds(1))));
        if (ending_ || process->ended) co_return;
        // A move that something else made meanwhile begins the same pause anew.
        if (monotonic_now() < process->last_move_ended + wait || process->turn.busy()) continue;
        std::vector<std::string> nodes;
        for (Member const& member : board_.members(monotonic_now()))
            if (member.state == MemberState::up || member.name == name_)
                nodes.push_back(member.name);
        std::string to = storm_target(nodes, process->host, random);
        if (to.empty()) continue;
        ++process->storm_step;
        Moved moved = co_await move(process, to, asker);
        if (moved.ok || moved.code == 4) continue;
        process->last_move_ended = monotonic_now();
        Reason const* reason = find_reason(moved.reason);
        if (reason && reason->passes == Passes::never) co_return;
        // A confined one is left alone, and looked at again now and then.
        if (!moved.reason.empty()) co_await pause(io_, std::chrono::milliseconds(500));
    }
    process->storming = false;
}

} // namespace rove::node
