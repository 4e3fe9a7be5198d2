// SPDX-License-Identifier: Apache-2.0
// Fuzz target: what the lab reads: lab.json, options, mount tables, and the answers of daemons.
// uses: base sys lab
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "lab/board.hh"
#include "lab/hierarchies.hh"
#include "lab/network.hh"
#include "lab/options.hh"
#include "lab/plan.hh"

using namespace rove;

namespace {
void expect(bool good) {
    if (!good) std::abort();
}

// A plan that was accepted survives writing, and nothing in it can leave its line in a script.
void plan(std::string_view text) {
    auto plan = lab::parse_plan(text);
    if (!plan) return;
    auto again = lab::parse_plan(lab::to_json(*plan));
    expect(again && *again == *plan);
    for (lab::NodePlan const& node : plan->nodes) {
        std::string commands = lab::switch_commands(*plan, node, 1);
        expect(std::count(commands.begin(), commands.end(), '\n') == 2);
    }
    (void)lab::cut_rules(*plan);
}

void options(std::string_view text) {
    lab::UpOptions options;
    options.per_node = {std::string(text)};
    auto nodes = lab::plan_nodes(options, {2, 1 << 30});
    if (nodes) expect(nodes->size() == 3);
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string_view text(reinterpret_cast<char const*>(bytes), size);
    plan(text);
    options(text);
    (void)lab::parse_hierarchies(text);
    (void)lab::parse_board(text);
    return 0;
}
