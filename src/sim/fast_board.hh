// SPDX-License-Identifier: Apache-2.0
// Fast board: ages by theory instead of messages.
//
// An entry is refreshed as by lot, once in (N - 1) / w steps on average, and is then as old as
// entries in a window are. Of a large cluster a node keeps `width` entries, a refreshed one being
// of another node: that is what a board of two levels comes to.
#pragma once

#include "sim/board.hh"

namespace rove::sim {

class FastBoard : public Board {
public:
    FastBoard(std::vector<Built> built, Network const& network, double period_s, uint32_t window,
        uint32_t width, uint64_t seed);
    void tell(NodeIndex node, Told const& told, double now_s) override;
    void hear(NodeIndex viewer, NodeIndex about, Told const& told, double now_s) override;
    void see(NodeIndex viewer, double now_s, std::vector<NodeView>& nodes) override;
    void start(NodeIndex node, double now_s) override;
    void kill(NodeIndex node, double now_s) override;

private:
    struct Entry {
        NodeIndex node;
        float born_s;
        Told told;
    };
    struct Own {
        std::vector<Told> past; // a ring: what it said in the last steps
        double looked_s = 0;
        double gone_s = 1e18; // since when it is silent
    };
    Told said(NodeIndex node, double at_s) const;
    void refresh(NodeIndex viewer, double now_s);
    NodeIndex other_than(NodeIndex viewer);

    std::vector<Built> built_;
    Network const& network_;
    double period_s_, refresh_s_, window_age_s_, silence_s_;
    size_t width_;
    bool whole_; // every node has an entry of every other
    policy::Random random_;
    std::vector<Own> own_;
    std::vector<Entry> entries_; // width_ for each viewer
};

} // namespace rove::sim
