// SPDX-License-Identifier: Apache-2.0
// Scorer: the two rules.
#include "policy/scorer.hh"

#include <algorithm>
#include <cmath>

#include "policy/load.hh"

namespace rove::policy {

namespace {
// Among nodes with a core to spare the emptier one is a little better: it stays good for longer.
constexpr double emptier = 0.01;
} // namespace

double MosixRule::price(NodeView const& node, Burden const& burden) const {
    double crowd = (node.load + burden.cpu) / std::max<double>(node.cores, 0.01);
    return stretch(node, burden.cpu) +
           emptier * std::min(crowd, 1.0) / std::max<double>(node.speed, 0.01);
}

OpportunityCost::OpportunityCost(double nodes, double highest)
    : log_nodes_(std::log(std::max(nodes, 2.0))),
      limit_(std::exp2(std::floor(std::log2(std::max(highest, 1.0))) + 1)) {}

double OpportunityCost::cost(double part) const {
    // A node can be asked for more than it has; beyond twice that the price need not grow any more.
    return std::exp(log_nodes_ * std::min(part, 2.0));
}

double OpportunityCost::price(NodeView const& node, Burden const& burden) const {
    double power = std::max<double>(node.cores, 0.01) * std::max<double>(node.speed, 0.01);
    double cpu = node.load / power / limit_, more = burden.cpu / power / limit_;
    double total = std::max<double>(static_cast<double>(node.memory_total), 1);
    double memory = 1 - static_cast<double>(node.memory_free) / total;
    return cost(cpu + more) - cost(cpu) + cost(memory + burden.memory / total) - cost(memory);
}

std::unique_ptr<Scorer> make_scorer(Knobs const& knobs, Snapshot const& snapshot) {
    if (knobs.rule == Rule::opportunity)
        return std::make_unique<OpportunityCost>(
            static_cast<double>(snapshot.nodes.size()) + 1, snapshot.highest);
    return std::make_unique<MosixRule>();
}

} // namespace rove::policy
