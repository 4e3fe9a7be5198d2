// SPDX-License-Identifier: Apache-2.0
// Core: what is sent to whom.
#include <algorithm>

#include "gossip/core.hh"

namespace rove::gossip {

void Core::beat(Actions& actions, Random& random) {
    age_out(actions);
    keep_comparable();
    odd_step_ = !odd_step_;
    auto anybody = [&](NodeIndex, Entry const& entry) {
        return !entries_.far(entry) && (entry.present() || entry.state == State::dead);
    };
    auto somebody = [&](NodeIndex, Entry const& entry) {
        return entry.present() && !entries_.far(entry);
    };
    if (knobs_.algorithm == Algorithm::reg) {
        NodeIndex to = entries_.pick(random, anybody);
        send(to, Kind::news, actions);
        return;
    }
    if (knobs_.algorithm == Algorithm::pushpull && odd_step_)
        send(oldest(), Kind::pull, actions);
    else if (!small())
        send(entries_.pick(random, somebody), Kind::push, actions);
    else if (NodeIndex to = least_known(); !fresh(entries_.at(to)))
        send(to, Kind::push, actions);
    if (has_news()) spread_news(actions, random);
    ask_the_dead(actions, random);
    look_far(actions, random);
}

// Its word is of this very step: whoever asked us has been answered.
bool Core::fresh(Entry const& entry) const {
    return !later(clock_, entry.born + knobs_.step * 7 / 10);
}

// If we have just heard of everybody, and have nothing to say that is new, a step would be for
// nothing: the next one is as late as if what we have heard had been asked for.
void Core::rest(Random& random) {
    bool idle = knobs_.algorithm == Algorithm::mindead && small() && entries_.present() != 0 &&
                entries_.dead() == 0 && !has_news();
    if (!idle) return;
    Millis due = entries_.at(oldest()).born + length_of_a_step(random);
    if (later(due, next_step_)) next_step_ = due;
}

// A step, give or take a fifth.
Millis Core::length_of_a_step(Random& random) const {
    Millis fifth = knobs_.step / 5;
    return knobs_.step - fifth + static_cast<Millis>(lot(random, 2 * fifth + 1));
}

// All nodes together ask about one dead node a step. Who knows nobody asks all that it can.
void Core::ask_the_dead(Actions& actions, Random& random) {
    if (entries_.dead() == 0) return;
    size_t questions = entries_.present() == 0 ? std::min<size_t>(entries_.dead(), 3)
                                               : lot(random, std::max<size_t>(nodes(), 2)) == 0;
    for (size_t i = 0; i < questions; ++i)
        send(entries_.pick(random,
                 [&](NodeIndex, Entry const& entry) {
                     return entry.state == State::dead && !entries_.far(entry);
                 }),
            Kind::pull, actions);
}

NodeIndex Core::oldest(Entries::Which const& which) const {
    NodeIndex found = self_;
    for (NodeIndex node = 0; node < entries_.size(); ++node)
        if (node != self_ && !entries_.far(entries_.at(node)) && which(node, entries_.at(node)) &&
            (found == self_ || later(entries_.at(found).born, entries_.at(node).born)))
            found = node;
    return found;
}

NodeIndex Core::oldest() const {
    return oldest([](NodeIndex, Entry const& entry) { return entry.present(); });
}

// Who is asked already, or suspected, has a turn of its own.
NodeIndex Core::least_known() const {
    return oldest([this](NodeIndex node, Entry const& entry) {
        return entry.state == State::alive &&
               std::none_of(questions_.begin(), questions_.end(),
                   [node](Question const& each) { return each.to == node; });
    });
}

void Core::spread_news(Actions& actions, Random& random) {
    hurried_ = false;
    for (int i = 0; i < 2 && has_news(); ++i) {
        NodeIndex to = entries_.pick(random, [&](NodeIndex, Entry const& entry) {
            return entry.state == State::alive && !entries_.far(entry);
        });
        if (to != self_) send(to, Kind::news, actions);
    }
}

void Core::send(NodeIndex to, Kind kind, Actions& actions) {
    if (to == self_) return;
    bool asks = kind == Kind::push || kind == Kind::pull;
    if (asks && entries_.at(to).state == State::alive)
        questions_.push_back({to, clock_, clock_ + knobs_.step * 3 / 10});
    actions.send.push_back({to, compose(kind, to)});
}

Message Core::compose(Kind kind, NodeIndex to) {
    Message message{kind, {}};
    Entry& own = entries_.touch(self_);
    // What we say of ourselves is true at this moment.
    own.born = clock_;
    ++own.issue;
    message.statements.push_back(statement(self_));
    // Who is taken for gone shall hear it, and can say that it is not so.
    State state = entries_.at(to).state;
    if (entries_.at(to).incarnation != 0 && (state == State::suspect || state == State::dead))
        message.statements.push_back(statement(to));
    // In a small cluster an exchange tells both all: nobody may ask whom it has asked.
    bool all = kind == Kind::push || kind == Kind::news || (kind == Kind::answer && small());
    if (!all) return message;
    sort_window();
    size_t most = knobs_.up_to_age != 0 ? knobs_.window_max : window_;
    if (kind == Kind::push) add_far(message, to);
    for (NodeIndex node : candidates_) {
        if (message.statements.size() >= most) break;
        Entry const& entry = entries_.at(node);
        bool old = knobs_.up_to_age != 0 && clock_ - entry.born > knobs_.up_to_age;
        bool only_news = kind == Kind::news && knobs_.algorithm != Algorithm::reg;
        if (entry.urgency == 0 && (old || only_news)) break;
        if (node != to) message.statements.push_back(statement(node));
    }
    return message;
}

Statement Core::statement(NodeIndex node) {
    Entry& entry = entries_.touch(node);
    // What is sent on is a little less urgent, so that no news goes round for ever.
    if (entry.urgency != 0) --entry.urgency;
    return {node, entry.state, entry.urgency, entry.issue,
        clock_ - (entry.state == State::alive ? entry.born : entry.since), entry.incarnation};
}

void Core::offer_to_window(NodeIndex node) {
    Entry& entry = entries_.touch(node);
    if (entry.in_window) return;
    entry.in_window = true;
    candidates_.push_back(node);
}

// Urgent first, then the youngest; twice as many as go into a message are kept, since one that is
// heard anew goes ahead of those that were before it. Each entry is looked at once: in a large
// cluster the vector is out of the cache.
void Core::sort_window() {
    struct Ranked {
        uint64_t rank;
        NodeIndex node;
        bool operator<(Ranked const& other) const { return rank < other.rank; }
    };
    std::vector<Ranked> ranked;
    ranked.reserve(candidates_.size());
    for (NodeIndex node : candidates_) {
        Entry& entry = entries_.touch(node);
        if (entry.state == State::alive || entry.urgency != 0)
            ranked.push_back({uint64_t{255u - entry.urgency} << 32 | (clock_ - entry.born), node});
        else
            entry.in_window = false;
    }
    size_t capacity = 2 * (knobs_.up_to_age != 0 ? knobs_.window_max : window_);
    if (ranked.size() > capacity) {
        auto kept = ranked.begin() + static_cast<ptrdiff_t>(capacity);
        std::nth_element(ranked.begin(), kept, ranked.end());
        for (auto each = kept; each != ranked.end(); ++each)
            entries_.touch(each->node).in_window = false;
        ranked.erase(kept, ranked.end());
    }
    std::sort(ranked.begin(), ranked.end());
    candidates_.clear();
    for (Ranked const& each : ranked)
        candidates_.push_back(each.node);
}

bool Core::has_news() const {
    // Nobody is told about himself.
    auto urgent = [&](NodeIndex node) {
        bool only_other = node != self_ && entries_.present() == 1 && entries_.at(node).present();
        return entries_.at(node).urgency != 0 && !only_other;
    };
    return urgent(self_) || std::any_of(candidates_.begin(), candidates_.end(), urgent);
}

void Core::fit_window() {
    if (sized_for_ == nodes()) return;
    sized_for_ = nodes();
    double step = knobs_.step;
    size_t wished = knobs_.window_min;
    if (knobs_.average_age != 0)
        wished = std::max(wished, window_for_average(nodes(), knobs_.average_age / step, flow()));
    if (knobs_.maximum_age != 0)
        wished = std::max(wished, window_for_maximum(nodes(), knobs_.maximum_age / step, flow()));
    window_ = std::max<size_t>(1, std::min({wished, knobs_.window_max, nodes()}));
}

} // namespace rove::gossip
