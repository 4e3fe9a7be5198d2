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
// With fewer nodes the cost would hardly grow with the load, and nobody would ever be crowded.
constexpr double nodes_least = 64;
} // namespace

double MosixRule::price(NodeView const& node, Burden const& burden) const {
    double crowd = (node.load + burden.cpu) / std::max<double>(node.cores, 0.01);
    return stretch(node, burden.cpu) +
           emptier * std::min(crowd, 1.0) / std::max<double>(node.speed, 0.01);
}

OpportunityCost::OpportunityCost(double nodes, double highest)
    : log_nodes_(std::log(std::max(nodes, nodes_least))),
      limit_(std::exp2(std::floor(std::log2(std::max(highest, 1.0))) + 1)) {}

double OpportunityCost::cost(double part) const {
    return std::exp(log_nodes_ * part);
}

double OpportunityCost::price(NodeView const& node, Burden const& burden) const {
    double power = std::max<double>(node.cores, 0.01) * std::max<double>(node.speed, 0.01);
    double cpu = node.load / power / limit_, more = burden.cpu / power / limit_;
    double total = std::max<double>(static_cast<double>(node.memory_total), 1);
    double memory = 1 - static_cast<double>(node.memory_free) / total;
    return cost(cpu + more) - cost(cpu) + cost(memory + burden.memory / total) - cost(memory);
}

std::unique_ptr<Scorer> make_scorer(Knobs const& knobs, Snapshot const& snapshot) {
    if (knobs.rule == Rule::mosix) return std::make_unique<MosixRule>();
    auto crowd = [](NodeView const& node) {
        return node.load / std::max(node.cores * node.speed, 0.01f);
    };
    double highest = crowd(snapshot.self);
    for (NodeView const& node : snapshot.nodes)
        highest = std::max<double>(highest, crowd(node));
    return std::make_unique<OpportunityCost>(
        static_cast<double>(snapshot.nodes.size()) + 1, highest);
}

} // namespace rove::policy
