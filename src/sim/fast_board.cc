// SPDX-License-Identifier: Apache-2.0
// Fast board: drawing what was refreshed since the viewer last looked.
#include "sim/fast_board.hh"

#include <algorithm>
#include <cmath>

#include "gossip/window.hh"

namespace rove::sim {

namespace {
constexpr size_t remembered = 32; // steps; what is refreshed is younger than that
constexpr double mb = 1 << 20;
} // namespace

NodeView view_of(NodeIndex node, Built const& built, Told const& told, double age_s) {
    NodeView view;
    view.node = node;
    view.age_s = static_cast<float>(std::max(age_s, 0.0));
    view.load = told.load;
    view.cores = static_cast<float>(built.cores);
    view.speed = static_cast<float>(built.speed);
    view.takes = told.takes;
    view.crowded = told.crowded;
    view.memory_total = built.memory;
    view.memory_free = static_cast<uint64_t>(told.memory_free_mb * mb);
    view.memory_movable = static_cast<uint64_t>(told.memory_movable_mb * mb);
    view.features = built.features;
    return view;
}

FastBoard::FastBoard(std::vector<Built> built, Network const& network, double period_s,
    uint32_t window, uint32_t width, uint64_t seed)
    : built_(std::move(built)),
      network_(network),
      period_s_(period_s),
      random_(seed),
      own_(built_.size()) {
    size_t nodes = built_.size(), others = nodes - 1;
    whole_ = others <= width;
    width_ = whole_ ? others : width;
    size_t known = width_ + 1, w = std::min<size_t>(window, known);
    // By the closed forms: what is older than the window is refreshed by lot.
    double average = gossip::average_age(known, w, gossip::Flow::push);
    double by_lot = static_cast<double>(known - 1) / static_cast<double>(std::max<size_t>(w, 1));
    window_age_s_ = std::max(1.0, average - by_lot) * period_s;
    refresh_s_ = std::max(by_lot, 0.5) * period_s / (1 - network.loss());
    silence_s_ = (4 + std::log2(static_cast<double>(nodes) + 1)) * period_s;
    entries_.resize(nodes * width_);
    for (NodeIndex viewer = 0; viewer < nodes; ++viewer)
        for (size_t i = 0; i < width_; ++i) {
            NodeIndex node =
                whole_ ? static_cast<NodeIndex>(i < viewer ? i : i + 1) : other_than(viewer);
            Told told;
            told.memory_free_mb =
                static_cast<uint32_t>(static_cast<double>(built_[node].memory) / mb);
            entries_[viewer * width_ + i] = {node, 0, told};
        }
    for (Own& own : own_)
        own.past.resize(remembered);
}

NodeIndex FastBoard::other_than(NodeIndex viewer) {
    auto node = static_cast<NodeIndex>(random_.below(built_.size() - 1));
    return node < viewer ? node : node + 1;
}

void FastBoard::tell(NodeIndex node, Told const& told, double now_s) {
    Own& own = own_[node];
    own.past[static_cast<size_t>(now_s / period_s_) % remembered] = told;
}

Told FastBoard::said(NodeIndex node, double at_s) const {
    return own_[node].past[static_cast<size_t>(std::max(at_s, 0.0) / period_s_) % remembered];
}

void FastBoard::hear(NodeIndex viewer, NodeIndex about, Told const& told, double now_s) {
    if (width_ == 0) return;
    Entry* first = &entries_[viewer * width_];
    Entry* found = whole_ ? first + (about < viewer ? about : about - 1)
                          : std::find_if(first, first + width_,
                                [&](Entry const& each) { return each.node == about; });
    // Who was unknown takes the place of the oldest.
    if (found == first + width_)
        found = std::min_element(first, first + width_,
            [](Entry const& a, Entry const& b) { return a.born_s < b.born_s; });
    *found = {about, static_cast<float>(now_s), told};
}

// Each entry with the same chance, independent of the others: jump from one that was to the next.
void FastBoard::refresh(NodeIndex viewer, double now_s) {
    Own& own = own_[viewer];
    double passed = now_s - own.looked_s;
    own.looked_s = now_s;
    double chance = -std::expm1(-passed / refresh_s_);
    if (chance <= 0) return;
    double step = std::log1p(-std::min(chance, 1 - 1e-12));
    Entry* first = &entries_[viewer * width_];
    for (double at = std::floor(std::log1p(-random_.part()) / step);
         at < static_cast<double>(width_);
         at += 1 + std::floor(std::log1p(-random_.part()) / step)) {
        Entry& entry = first[static_cast<size_t>(at)];
        NodeIndex node = whole_ ? entry.node : other_than(viewer);
        if (!network_.connects(viewer, node) || own_[node].gone_s < now_s) continue;
        // When within the time that has passed, and how old it was then.
        double since = -refresh_s_ * std::log1p(-random_.part() * chance);
        double age =
            std::min(since + 2 * random_.part() * window_age_s_, (remembered - 2) * period_s_);
        if (node == entry.node && now_s - age <= entry.born_s) continue;
        entry = {node, static_cast<float>(now_s - age), said(node, now_s - age)};
    }
}

void FastBoard::see(NodeIndex viewer, double now_s, std::vector<NodeView>& nodes) {
    refresh(viewer, now_s);
    nodes.clear();
    for (size_t i = 0; i < width_; ++i) {
        Entry const& entry = entries_[viewer * width_ + i];
        nodes.push_back(view_of(entry.node, built_[entry.node], entry.told, now_s - entry.born_s));
        // A death is known soon, and who is not heard of any more counts as dead.
        bool silent = now_s - own_[entry.node].gone_s > silence_s_ ||
                      (!network_.connects(viewer, entry.node) && now_s - entry.born_s > silence_s_);
        if (silent) nodes.back().takes = 0;
    }
}

void FastBoard::start(NodeIndex node, double now_s) {
    own_[node].gone_s = 1e18;
    own_[node].looked_s = now_s;
    std::fill(own_[node].past.begin(), own_[node].past.end(), Told{0, 0, 0, 0, 0});
}

void FastBoard::kill(NodeIndex node, double now_s) {
    own_[node].gone_s = now_s;
}

} // namespace rove::sim
