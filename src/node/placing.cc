// SPDX-License-Identifier: Apache-2.0
// Placing: where a program begins. Its image is nearly empty then, so that is the cheapest moment
// to move.
#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include "node/node.hh"

namespace rove::node {

// The nodes that the policy names are asked one after the other; where one takes it, it goes at its
// exec. With a core free at home nobody is asked.
Task<std::string> Node::place(ProcessPtr process, uid_t asker, Children children) {
    see_tenants();
    policy::ProcessView newcomer;
    newcomer.home = 0;
    newcomer.id = balance_.numbers().of(process->identity);
    auto program = programs_.find(process->program);
    if (program != programs_.end()) newcomer.memory = program->second->wish.memory;
    wire::Offer need;
    say_cpu(need, promised_level(*process));
    newcomer.features = balance_.needs().bit_of(need);
    Nanos now = monotonic_now();
    auto placement = balance_.place(board_.members(now), here(), newcomer, now);
    for (auto const& question : placement.ask) {
        std::string to = balance_.numbers().name(question.node);
        Motive motive;
        motive.stretch_max = question.stretch_max;
        motive.figures = {{"why", "start"}, {"because", "it begins where it computes sooner"},
            {"stretch_max", static_cast<double>(question.stretch_max)}};
        if (children == Children::stay_there && program != programs_.end()) {
            program->second->wish.on = to;
            process->anchor = to;
        }
        Moved moved = co_await move(process, to, asker, true, &motive);
        if (moved.ok) co_return to;
        program = programs_.find(process->program);
        if (program != programs_.end()) program->second->wish.on.clear();
        process->anchor.clear();
        if (moved.code == 4 || moved.code == 3) break; // it has ended, or cannot leave
    }
    co_return name_;
}

} // namespace rove::node
