// SPDX-License-Identifier: Apache-2.0
// Core: what happens when: the steps, what is heard, and the passing of time.
#include "gossip/core.hh"

#include <algorithm>
#include <bit>
#include <cmath>

#include "gossip/window.hh"

namespace rove::gossip {

namespace {

constexpr Millis day = 24 * 3600 * 1000;
// How old the death of a node can be; for how long one was silent beyond that does not matter.
constexpr Millis memory_max = 7 * day;
// How many of those that hear of a suspicion ask the suspect themselves.
constexpr size_t witnesses = 3;

size_t log2_up(size_t n) {
    return static_cast<size_t>(std::bit_width(n - 1));
}

} // namespace

Core::Core(
    NodeIndex self, uint64_t incarnation, uint32_t first_issue, Knobs const& knobs, uint8_t group)
    : self_(self), knobs_(knobs), entries_(self, group) {
    Entry& own = entries_.touch(self);
    own.incarnation = incarnation;
    own.issue = first_issue;
    entries_.turn(self, State::alive, 0);
    fit_window();
}

Millis Core::silence_max() const {
    return knobs_.step * static_cast<Millis>(4 + (log2_up(nodes()) + 1) / 2);
}

Millis Core::age(NodeIndex node, Time now) const {
    if (node == self_) return 0;
    return clock_ - entries_.at(node).born +
           static_cast<Millis>(std::clamp<Time>(now - last_, 0, day));
}

// What an entry gets that all shall know: enough to reach everybody, also if some messages are
// lost.
uint8_t Core::urgency_max() const {
    return static_cast<uint8_t>(1 + 1.386 * std::log2(static_cast<double>(nodes())));
}

void Core::advance(Time now) {
    if (!started_) last_ = now;
    started_ = true;
    // A clock that is set back stands still for us. One that is set ahead cannot be told from a
    // pause of ours, and in that nobody else was silent.
    auto passed = static_cast<Millis>(std::clamp<Time>(now - last_, 0, day));
    last_ = now;
    clock_ += passed;
    if (passed <= 3 * knobs_.step) return;
    returned_ = clock_;
    questions_.clear();
    for (Doubt const& doubt : doubts_)
        entries_.touch(doubt.about).since += passed;
}

Millis Core::wait_until(Millis time) const {
    return later(time, clock_) ? time - clock_ : 0;
}

Time Core::due() const {
    if (left_) return last_ + day;
    Millis wait = wait_until(next_step_);
    if (hurried_) wait = std::min(wait, wait_until(next_hurry_));
    for (Doubt const& doubt : doubts_)
        wait = std::min({wait, wait_until(death_of(doubt)), wait_until(doubt.again)});
    for (Question const& question : questions_)
        wait = std::min(wait, wait_until(question.again));
    return last_ + wait;
}

Actions Core::step(Tick, Time now, Random& random) {
    Actions actions;
    advance(now);
    if (left_) return actions;
    bury(actions);
    ask_again(actions);
    if (wait_until(next_step_) == 0) {
        beat(actions, random);
        next_step_ = clock_ + length_of_a_step(random);
    }
    if (hurried_ && wait_until(next_hurry_) == 0) spread_news(actions, random);
    return actions;
}

Actions Core::step(Received const& received, Time now, Random& random) {
    Actions actions;
    advance(now);
    if (left_ || received.from == self_) return actions;
    for (Statement const& each : received.message.statements)
        hear(each, each.node == received.from, actions, random);
    std::erase_if(questions_, [&](Question const& question) { return answered(question); });
    switch (received.message.kind) {
    case Kind::push:
    case Kind::ask:
        send(received.from, Kind::answer, actions);
        break;
    case Kind::pull:
        send(received.from, Kind::push, actions);
        break;
    case Kind::answer:
    case Kind::news:
        break;
    }
    rest(random);
    return actions;
}

Actions Core::step(Met met, Time now, Random&) {
    advance(now);
    if (met.node != self_ && entries_.at(met.node).state == State::unknown)
        entries_.turn(met.node, State::dead, clock_);
    return {};
}

Actions Core::step(Placed placed, Time now, Random&) {
    advance(now);
    if (placed.node != self_) entries_.place(placed.node, placed.group);
    fit_window();
    return {};
}

Actions Core::step(Sudden, Time now, Random&) {
    advance(now);
    entries_.touch(self_).urgency = urgency_max();
    hurry();
    return {};
}

Actions Core::step(Tell tell, Time now, Random&) {
    Actions actions;
    advance(now);
    if (!left_ && entries_.at(tell.node).state == State::alive)
        send(tell.node, Kind::news, actions);
    return actions;
}

Actions Core::step(Leaving, Time now, Random& random) {
    Actions actions;
    advance(now);
    entries_.turn(self_, State::left, clock_);
    entries_.touch(self_).urgency = urgency_max();
    for (int i = 0; i < 3; ++i)
        spread_news(actions, random);
    left_ = true;
    return actions;
}

void Core::hear(Statement const& said, bool from_itself, Actions& actions, Random& random) {
    if (said.node == self_) return hear_about_us(said);
    if (entries_.far(entries_.at(said.node))) return hear_of_far(said, actions);
    State was = entries_.at(said.node).state;
    uint64_t incarnation = entries_.at(said.node).incarnation;
    Heard heard = entries_.hear(said, clock_);
    Entry& entry = entries_.touch(said.node);
    // Most statements have none, and the logarithm is not for nothing.
    uint8_t urgency = said.urgency == 0 ? 0 : std::min(said.urgency, urgency_max());
    switch (heard) {
    case Heard::stale:
        return;
    case Heard::contradicted:
        // Whoever believes it shall hear what came after it.
        urgency = 2;
        break;
    case Heard::fresh:
        actions.fresh.push_back(said.node);
        break;
    case Heard::turned: {
        bool renewed = incarnation != 0 && entry.incarnation != incarnation;
        actions.changed.push_back({said.node, was, entry.state, renewed});
        if (entry.state == State::alive) actions.fresh.push_back(said.node);
        if (entry.state == State::suspect) doubt(said.node, lot(random, nodes()) < witnesses);
        entry.urgency = 0;
        if (from_itself) urgency = urgency_max();
        fit_window();
        break;
    }
    }
    // Who knew it to be urgent has begun to forget that.
    if (entry.urgency == 0 && urgency != 0) {
        entry.urgency = urgency;
        hurry();
    }
    offer_to_window(said.node);
}

// Others must not believe that we are gone, nor that an issue is ours that we have yet to use.
void Core::hear_about_us(Statement const& said) {
    Entry& own = entries_.touch(self_);
    if (said.incarnation != own.incarnation) return;
    if (later(said.issue, own.issue)) own.issue = said.issue;
    if (said.state == State::alive || own.urgency != 0) return;
    own.urgency = urgency_max();
    hurry();
}

void Core::change(NodeIndex node, State state, Millis since, Actions& actions) {
    Entry& entry = entries_.touch(node);
    State was = entry.state;
    entries_.turn(node, state, since);
    actions.changed.push_back({node, was, state, false});
    fit_window();
    entry.urgency = urgency_max();
    offer_to_window(node);
    hurry();
}

void Core::hurry() {
    if (hurried_) return;
    hurried_ = true;
    next_hurry_ = clock_ + knobs_.step / 20;
}

// Whoever has said anything since it was asked, to anybody, is there.
bool Core::answered(Question const& question) const {
    Entry const& entry = entries_.at(question.to);
    return entry.state != State::alive || !later(question.sent, entry.born);
}

// A datagram may be lost, so a question is repeated for two steps before anything is concluded.
void Core::ask_again(Actions& actions) {
    std::erase_if(questions_, [&](Question& question) {
        if (answered(question)) return true;
        if (wait_until(question.again) != 0) return false;
        if (clock_ - question.sent >= 2 * knobs_.step) {
            if (entries_.far(entries_.at(question.to)))
                forget(question.to, State::dead, actions);
            else
                suspect(question.to, question.sent, actions);
            return true;
        }
        question.again = clock_ + knobs_.step * 3 / 10;
        actions.send.push_back({question.to, compose(Kind::ask, question.to)});
        return false;
    });
}

void Core::suspect(NodeIndex node, Millis since, Actions& actions) {
    change(node, State::suspect, since, actions);
    doubt(node, true);
}

// A few ask the suspect at once; nobody buries it unasked.
void Core::doubt(NodeIndex node, bool at_once) {
    Doubt doubt{node, clock_, clock_};
    if (!at_once) doubt.again = death_of(doubt) - 2 * knobs_.step;
    doubts_.push_back(doubt);
}

// Who hears of a suspicion late still waits for the suspect's word, which may be on its way.
Millis Core::death_of(Doubt const& doubt) const {
    Millis death = entries_.at(doubt.about).since + silence_max();
    Millis least = doubt.heard + 2 * knobs_.step;
    return later(least, death) ? least : death;
}

void Core::bury(Actions& actions) {
    std::erase_if(doubts_, [&](Doubt& doubt) {
        Entry const& entry = entries_.at(doubt.about);
        if (entry.state != State::suspect) return true;
        if (wait_until(death_of(doubt)) == 0) {
            change(doubt.about, State::dead, entry.since, actions);
            return true;
        }
        if (wait_until(doubt.again) == 0) {
            doubt.again = clock_ + knobs_.step * 6 / 10;
            send(doubt.about, Kind::ask, actions);
        }
        return false;
    });
}

// The last resort for who missed the news: four times what the oldest entry should be. A part of
// the entries each step.
void Core::age_out(Actions& actions) {
    double oldest = maximum_age(nodes(), window_, flow());
    Millis limit = knobs_.step * static_cast<Millis>(20 + 4 * oldest);
    if (clock_ - returned_ < limit) return;
    size_t part = entries_.size() / 16 + 1;
    for (size_t i = 0; i < part; ++i) {
        aged_out_ = aged_out_ + 1 < entries_.size() ? aged_out_ + 1 : 0;
        Entry const& entry = entries_.at(aged_out_);
        if (aged_out_ != self_ && entry.present() && !entries_.far(entry) &&
            clock_ - entry.born > limit)
            change(aged_out_, State::dead, entry.born, actions);
    }
}

// Times can be compared for 24 days only, and a node may be gone for longer: its first word after
// that must not look older than its death. A part of the entries each step.
void Core::keep_comparable() {
    auto no_older = [&](Millis time) { return std::min(clock_ - time, memory_max); };
    size_t part = entries_.size() / 16 + 1;
    for (size_t i = 0; i < part; ++i) {
        kept_comparable_ = kept_comparable_ + 1 < entries_.size() ? kept_comparable_ + 1 : 0;
        Entry& entry = entries_.touch(kept_comparable_);
        if (entry.state != State::dead && entry.state != State::left) continue;
        entry.since = clock_ - no_older(entry.since);
        entry.born = clock_ - no_older(entry.born);
    }
}

} // namespace rove::gossip
