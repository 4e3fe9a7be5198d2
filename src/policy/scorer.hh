// SPDX-License-Identifier: Apache-2.0
// Scorer: what it costs that a node carries one more process. The lowest price is where it should
// go.
//
// Two rules behind one interface: MosixRule looks at how long a CPU second takes there;
// OpportunityCost (Amir, Awerbuch, Barak, Borgstrom, Keren) at the marginal cost of n^utilisation,
// summed over CPU and memory.
#pragma once

#include <memory>

#include "policy/knobs.hh"
#include "policy/view.hh"

namespace rove::policy {

// What a process brings.
struct Burden {
    double cpu = 1;
    double memory = 0;
};

class Scorer {
public:
    virtual ~Scorer() = default;
    // Of that burden there, on top of what the node has. The unit is the rule's own.
    virtual double price(NodeView const& node, Burden const& burden) const = 0;
};

class MosixRule : public Scorer {
public:
    double price(NodeView const& node, Burden const& burden) const override;
};

class OpportunityCost : public Scorer {
public:
    // `nodes`: of the cluster; `highest`: load per core and speed of any node now.
    OpportunityCost(double nodes, double highest);
    double price(NodeView const& node, Burden const& burden) const override;

private:
    double cost(double part) const;
    double log_nodes_;
    double limit_; // the smallest power of two above the highest load: what counts as full
};

std::unique_ptr<Scorer> make_scorer(Knobs const& knobs, Snapshot const& snapshot);

} // namespace rove::policy
