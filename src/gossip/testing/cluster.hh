// SPDX-License-Identifier: Apache-2.0
// Cluster: many cores and a network with delay, loss and partitions, in virtual time, for tests.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <vector>

#include "gossip/core.hh"

namespace rove::gossip::testing {

class Cluster {
public:
    // `groups`: node n is of group n modulo that.
    Cluster(size_t nodes, Knobs a_knobs, uint64_t seed = 1, unsigned groups = 1)
        : knobs(a_knobs), random(seed), groups_(groups) {
        cores.resize(nodes);
        for (NodeIndex node = 0; node < nodes; ++node)
            start(node);
    }
    uint8_t group(NodeIndex node) const { return static_cast<uint8_t>(node % groups_); }
    // As if all had known each other for some time.
    void acquaint() {
        Message message{Kind::news, {}};
        for (NodeIndex node = 0; node < cores.size(); ++node)
            message.statements.push_back({node, State::alive, 0, cores[node]->issue(), 0,
                cores[node]->entry(node).incarnation});
        for (NodeIndex node = 0; node < cores.size(); ++node)
            perform(node, cores[node]->step(Received{(node + 1) % NodeIndex(cores.size()), message},
                              now, random));
        changes.clear();
    }
    void start(NodeIndex node, uint64_t incarnation = 1, uint32_t first_issue = 0) {
        cores[node] = std::make_unique<Core>(node, incarnation, first_issue, knobs, group(node));
        for (NodeIndex other = 0; groups_ > 1 && other < cores.size(); ++other)
            (void)cores[node]->step(Placed{other, group(other)}, clock(node), random);
        plan(node, now + Time(lot(random, knobs.step)));
    }
    void kill(NodeIndex node) { cores[node].reset(); }
    void leave(NodeIndex node) {
        perform(node, cores[node]->step(Leaving{}, clock(node), random));
        kill(node);
    }
    void surprise(NodeIndex node) {
        perform(node, cores[node]->step(Sudden{}, clock(node), random));
        plan_tick(node);
    }
    // Its clock is set, forward or back.
    void jump(NodeIndex node, Time by) {
        offset_[node] += by;
        plan(node, now);
        next_tick_[node] = now;
    }
    Time clock(NodeIndex node) const {
        auto found = offset_.find(node);
        return now + (found == offset_.end() ? 0 : found->second);
    }
    Millis age(NodeIndex viewer, NodeIndex node) const {
        return cores[viewer]->age(node, clock(viewer));
    }
    void meet(NodeIndex node, NodeIndex other) {
        perform(node, cores[node]->step(Met{other}, clock(node), random));
    }
    // It neither hears nor says anything until then, and gets afterwards what has come meanwhile.
    void pause(NodeIndex node, Time until) { paused_[node] = until; }

    void run(Time time) {
        Time end = now + time;
        while (!queue_.empty() && queue_.top().at <= end) {
            Happening next = queue_.top();
            queue_.pop();
            now = next.at;
            happen(std::move(next));
        }
        now = end;
    }
    void run_steps(double steps) { run(static_cast<Time>(steps * knobs.step)); }
    // The time it took, or nothing if it is not so then.
    std::optional<Time> run_until(std::function<bool()> const& so, Time limit) {
        Time begun = now;
        while (!so()) {
            if (now - begun > limit) return std::nullopt;
            run(25);
        }
        return now - begun;
    }
    template <class Which> bool all_up(Which const& which) const {
        for (NodeIndex node = 0; node < cores.size(); ++node)
            if (cores[node] && !which(node, *cores[node])) return false;
        return true;
    }
    // Of all entries about others, in steps.
    struct Ages {
        double average = 0, maximum = 0;
    };
    Ages ages() const {
        double sum = 0, count = 0, maxima = 0, viewers = 0;
        for (NodeIndex node = 0; node < cores.size(); ++node) {
            if (!cores[node]) continue;
            double oldest = 0;
            for (NodeIndex other = 0; other < cores.size(); ++other) {
                if (other == node || !cores[other]) continue;
                double age = this->age(node, other);
                sum += age;
                ++count;
                oldest = std::max(oldest, age);
            }
            maxima += oldest;
            ++viewers;
        }
        return {sum / count / knobs.step, maxima / viewers / knobs.step};
    }

    struct Seen {
        Time at;
        NodeIndex by;
        Change change;
    };
    Knobs knobs;
    Random random;
    Time now = 1000;
    double loss = 0;
    Time delay = 1;
    std::function<bool(NodeIndex, NodeIndex)> cut; // no packets between them
    std::vector<std::unique_ptr<Core>> cores;      // null: no power
    std::vector<Seen> changes;
    size_t messages = 0, statements = 0;

private:
    struct Happening {
        Time at;
        uint64_t order;
        NodeIndex node;
        std::shared_ptr<Received> received; // null: a tick
        bool operator<(Happening const& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };
    void plan(NodeIndex node, Time at) { queue_.push({at, ++order_, node, nullptr}); }
    void happen(Happening next) {
        NodeIndex node = next.node;
        if (!cores[node]) return;
        if (auto found = paused_.find(node); found != paused_.end()) {
            if (found->second > now) {
                next.at = found->second;
                queue_.push(next);
                return;
            }
            paused_.erase(found);
        }
        if (next.received) {
            perform(node, cores[node]->step(*next.received, clock(node), random));
            // What has come may be urgent.
            if (now + cores[node]->due() - clock(node) < next_tick_[node]) plan_tick(node);
            return;
        }
        if (now < next_tick_[node]) return; // there is an earlier one
        perform(node, cores[node]->step(Tick{}, clock(node), random));
        plan_tick(node);
    }
    void plan_tick(NodeIndex node) {
        next_tick_[node] = std::max(now + cores[node]->due() - clock(node), now + 1);
        plan(node, next_tick_[node]);
    }
    void perform(NodeIndex node, Actions actions) {
        for (Change const& change : actions.changed)
            changes.push_back({now, node, change});
        for (Send& send : actions.send) {
            ++messages;
            statements += send.message.statements.size();
            bool lost = (cut && cut(node, send.to)) ||
                        static_cast<double>(random()) < loss * 18446744073709551615.0;
            if (lost) continue;
            queue_.push({now + delay, ++order_, send.to,
                std::make_shared<Received>(Received{node, std::move(send.message)})});
        }
    }

    unsigned groups_;
    uint64_t order_ = 0;
    std::map<NodeIndex, Time> paused_, next_tick_, offset_;
    std::priority_queue<Happening> queue_;
};

} // namespace rove::gossip::testing
