// SPDX-License-Identifier: Apache-2.0
// Storm: moves one process of a `--storm` program about until it ends.
#include "node/node.hh"
#include "node/reasons.hh"
#include "node/storm_timing.hh"

namespace rove::node {

Task<> Node::storm(ProcessPtr process, int64_t storm_ms, uint64_t seed) {
    auto program = programs_.find(process->program);
    uid_t asker = program == programs_.end() ? process->uid : program->second->uid;
    while (!ending_ && !process->ended) {
        std::mt19937_64 random = storm_random(seed, process->number, process->storm_step);
        Nanos wait = storm_pause(storm_ms, process->last_move_took, random);
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
}

} // namespace rove::node
