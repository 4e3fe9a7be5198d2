// SPDX-License-Identifier: Apache-2.0
// Gossip board: the core of src/gossip for each node, in virtual time.
//
// It keeps its own events and catches up whenever it is asked something. An entry says when its
// bulletin was made; what the node told then is looked up in the node's own past, which stands for
// the bulletin's text.
#pragma once

#include <memory>
#include <queue>

#include "gossip/core.hh"
#include "sim/board.hh"

namespace rove::sim {

class GossipBoard : public Board {
public:
    GossipBoard(std::vector<Built> built, Network const& network, double period_s, uint32_t window,
        uint64_t seed);
    void tell(NodeIndex node, Told const& told, double now_s) override;
    void hear(NodeIndex viewer, NodeIndex about, Told const& told, double now_s) override;
    void see(NodeIndex viewer, double now_s, std::vector<NodeView>& nodes) override;
    void start(NodeIndex node, double now_s) override;
    void kill(NodeIndex node, double now_s) override;

    // For experiments on the gossip alone. Null: it is dead.
    gossip::Core const* core(NodeIndex node) const { return nodes_[node].core.get(); }
    void catch_up(double now_s);
    gossip::Time now_ms() const { return now_ms_; }
    uint64_t messages() const { return messages_; }

private:
    struct Direct { // what a node said to this one itself
        NodeIndex about;
        double at_s;
        Told told;
    };
    struct Node {
        std::unique_ptr<gossip::Core> core;
        gossip::Time tick_ms = 0; // planned
        std::vector<Told> past;   // a ring by steps
        std::vector<Direct> direct;
        uint64_t incarnation = 1;
    };
    struct Event {
        gossip::Time at_ms;
        uint64_t order;
        NodeIndex to;
        std::unique_ptr<gossip::Received> received; // null: a tick
        bool operator<(Event const& other) const {
            return at_ms != other.at_ms ? at_ms > other.at_ms : order > other.order;
        }
    };
    void begin(NodeIndex node);
    void acquaint();
    void plan_tick(NodeIndex node);
    void perform(NodeIndex node, gossip::Actions actions);

    std::vector<Built> built_;
    Network const& network_;
    double period_s_;
    gossip::Knobs knobs_;
    gossip::Random random_;
    policy::Random lots_;
    std::vector<Node> nodes_;
    std::vector<Event> queue_; // a heap
    uint64_t order_ = 0, messages_ = 0;
    gossip::Time now_ms_ = 0;
    size_t remembered_;
    bool acquainted_ = false;
};

} // namespace rove::sim
