// SPDX-License-Identifier: Apache-2.0
// Gossip board: carrying messages between cores.
#include "sim/gossip_board.hh"

#include <algorithm>
#include <cmath>

#include "gossip/window.hh"

namespace rove::sim {

namespace {
constexpr size_t direct_kept = 32;
} // namespace

GossipBoard::GossipBoard(std::vector<Built> built, Network const& network, double period_s,
    uint32_t window, uint64_t seed)
    : built_(std::move(built)),
      network_(network),
      period_s_(period_s),
      random_(seed),
      lots_(seed, 1),
      nodes_(built_.size()) {
    knobs_.step = static_cast<gossip::Millis>(period_s * 1000);
    knobs_.window_min = knobs_.window_max = window;
    knobs_.average_age = 0;
    double oldest = gossip::maximum_age(
        built_.size(), std::min<size_t>(window, built_.size()), gossip::Flow::push);
    remembered_ = static_cast<size_t>(std::clamp(2 * oldest, 64.0, 4096.0));
    for (NodeIndex node = 0; node < nodes_.size(); ++node)
        begin(node);
}

void GossipBoard::begin(NodeIndex node) {
    Node& self = nodes_[node];
    self.core = std::make_unique<gossip::Core>(node, self.incarnation, 0, knobs_);
    self.past.assign(remembered_, Told{0, 0, 0, 0, 0});
    self.direct.clear();
    self.tick_ms = now_ms_ + static_cast<gossip::Time>(lots_.below(knobs_.step));
    queue_.push_back({self.tick_ms, order_++, node, nullptr});
    std::push_heap(queue_.begin(), queue_.end());
}

// As if those that are there had known each other for some time.
void GossipBoard::acquaint() {
    acquainted_ = true;
    gossip::Received all{0, {gossip::Kind::news, {}}};
    for (NodeIndex node = 0; node < nodes_.size(); ++node)
        if (gossip::Core const* core = this->core(node))
            all.message.statements.push_back(
                {node, gossip::State::alive, 0, core->issue(), 0, core->entry(node).incarnation});
    for (NodeIndex node = 0; node < nodes_.size(); ++node) {
        if (!nodes_[node].core) continue;
        all.from = (node + 1) % static_cast<NodeIndex>(nodes_.size());
        (void)nodes_[node].core->step(all, now_ms_, random_);
    }
}

void GossipBoard::catch_up(double now_s) {
    if (!acquainted_) acquaint();
    auto until = static_cast<gossip::Time>(now_s * 1000);
    while (!queue_.empty() && queue_.front().at_ms <= until) {
        std::pop_heap(queue_.begin(), queue_.end());
        Event event = std::move(queue_.back());
        queue_.pop_back();
        now_ms_ = std::max(now_ms_, event.at_ms);
        Node& node = nodes_[event.to];
        if (!node.core) continue;
        if (event.received) {
            perform(event.to, node.core->step(*event.received, now_ms_, random_));
            if (node.core->due() < node.tick_ms) plan_tick(event.to);
        } else if (event.at_ms >= node.tick_ms) {
            perform(event.to, node.core->step(gossip::Tick{}, now_ms_, random_));
            plan_tick(event.to);
        }
    }
    now_ms_ = std::max(now_ms_, until);
}

void GossipBoard::plan_tick(NodeIndex node) {
    nodes_[node].tick_ms = std::max(nodes_[node].core->due(), now_ms_ + 1);
    queue_.push_back({nodes_[node].tick_ms, order_++, node, nullptr});
    std::push_heap(queue_.begin(), queue_.end());
}

void GossipBoard::perform(NodeIndex from, gossip::Actions actions) {
    for (gossip::Send& send : actions.send) {
        ++messages_;
        if (!network_.connects(from, send.to) || network_.loses(lots_)) continue;
        auto delay = static_cast<gossip::Time>(std::lround(network_.delay(lots_) * 1000));
        queue_.push_back({now_ms_ + delay, order_++, send.to,
            std::make_unique<gossip::Received>(gossip::Received{from, std::move(send.message)})});
        std::push_heap(queue_.begin(), queue_.end());
    }
}

void GossipBoard::tell(NodeIndex node, Told const& told, double now_s) {
    std::vector<Told>& past = nodes_[node].past;
    past[static_cast<size_t>(now_s / period_s_) % past.size()] = told;
}

void GossipBoard::hear(NodeIndex viewer, NodeIndex about, Told const& told, double now_s) {
    std::vector<Direct>& direct = nodes_[viewer].direct;
    std::erase_if(direct, [&](Direct const& each) { return each.about == about; });
    if (direct.size() == direct_kept) direct.erase(direct.begin());
    direct.push_back({about, now_s, told});
}

void GossipBoard::see(NodeIndex viewer, double now_s, std::vector<NodeView>& nodes) {
    catch_up(now_s);
    nodes.clear();
    gossip::Core const* core = this->core(viewer);
    if (!core) return;
    for (NodeIndex node = 0; node < nodes_.size(); ++node) {
        gossip::Entry const& entry = core->entry(node);
        if (node == viewer || entry.state == gossip::State::unknown) continue;
        double age = core->age(node, now_ms_) / 1000.0;
        std::vector<Told> const& past = nodes_[node].past;
        double at =
            std::max(0.0, now_s - std::min(age, static_cast<double>(past.size() - 2) * period_s_));
        nodes.push_back(view_of(
            node, built_[node], past[static_cast<size_t>(at / period_s_) % past.size()], age));
        if (entry.state != gossip::State::alive) nodes.back().takes = 0;
    }
    for (Direct const& direct : nodes_[viewer].direct) {
        auto found = std::find_if(nodes.begin(), nodes.end(),
            [&](NodeView const& each) { return each.node == direct.about; });
        double age = now_s - direct.at_s;
        if (found == nodes.end() || found->age_s <= age || !found->takes) continue;
        *found = view_of(direct.about, built_[direct.about], direct.told, age);
    }
}

void GossipBoard::start(NodeIndex node, double now_s) {
    catch_up(now_s);
    ++nodes_[node].incarnation;
    begin(node);
    for (NodeIndex other = 0; other < nodes_.size(); ++other)
        if (other != node) (void)nodes_[node].core->step(gossip::Met{other}, now_ms_, random_);
}

void GossipBoard::kill(NodeIndex node, double now_s) {
    if (now_s > 0) catch_up(now_s);
    nodes_[node].core.reset();
}

} // namespace rove::sim
