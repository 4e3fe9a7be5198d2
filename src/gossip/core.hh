// SPDX-License-Identifier: Apache-2.0
// Core: one node's part in the gossip: step(event, now, random) → actions.
//
// Every step it sends its own entry and the youngest it knows to a random other node, which answers
// with its own: so each message is also the question whether the other is still there. Who does not
// answer is suspected, which all hear and can refute, the suspect first; a suspicion that stands
// long enough is a death. News (arrivals, suspicions, deaths, what the edge calls urgent) go out at
// once to two others and first in the next few messages.
//
// Pure: time and randomness are arguments. The daemon and the simulator call the same code. What
// bulletins say, names, addresses and datagrams are the edge's.
#pragma once

#include <vector>

#include "gossip/entries.hh"
#include "gossip/knobs.hh"
#include "gossip/statement.hh"
#include "gossip/window.hh"

namespace rove::gossip {

// --- events

/// Time has come: see due().
struct Tick {};
/// From a node that the edge knows; a message that claims to be from ourselves is ignored.
struct Received {
    NodeIndex from;
    Message message;
};
/// A node that may be there: a configured one, which counts as dead until it is heard.
struct Met {
    NodeIndex node;
};
/// A node's group has become known. Until then it is 0.
struct Placed {
    NodeIndex node;
    uint8_t group;
};
/// Our bulletin has changed so much that others should hear of it now.
struct Sudden {};
/// One node should hear our bulletin now.
struct Tell {
    NodeIndex node;
};
/// We go; nothing is said after it.
struct Leaving {};

// --- actions

struct Send {
    NodeIndex to;
    Message message;
};
struct Change {
    NodeIndex node;
    State was, is;
    bool new_incarnation; // of one that we knew in another
};
struct Actions {
    std::vector<Send> send;
    std::vector<Change> changed;
    // Whose bulletins, of those that came with this message, are newer than what we had.
    std::vector<NodeIndex> fresh;
};

class Core {
public:
    /// `first_issue` must be above all that this node has used in this incarnation.
    Core(NodeIndex self, uint64_t incarnation, uint32_t first_issue, Knobs const& knobs,
        uint8_t group = 0);

    Actions step(Tick, Time now, Random& random);
    Actions step(Received const& received, Time now, Random& random);
    Actions step(Met met, Time now, Random& random);
    Actions step(Placed placed, Time now, Random& random);
    Actions step(Sudden, Time now, Random& random);
    Actions step(Tell tell, Time now, Random& random);
    Actions step(Leaving, Time now, Random& random);

    /// When the next Tick is due, by the clock of the last event. Earlier and later ones do no
    /// harm.
    Time due() const;

    // --- what is known
    Entry const& entry(NodeIndex node) const { return entries_.at(node); }
    size_t size() const { return entries_.size(); }
    /// The age of the bulletin that we have of it.
    Millis age(NodeIndex node, Time now) const;
    /// Nodes of our group that are present, this one among them.
    size_t nodes() const { return entries_.present() + 1; }
    /// How many entries a message has at present.
    size_t window() const { return window_; }
    uint32_t issue() const { return entries_.at(self_).issue; }
    /// For how long a node must be silent, from the first unanswered question, to be dead.
    Millis silence_max() const;

private:
    struct Question {
        NodeIndex to;
        Millis sent, again;
    };
    struct Doubt {
        NodeIndex about;
        Millis heard, again; // since when we doubt, when we ask it the next time
    };
    void advance(Time now);
    void beat(Actions& actions, Random& random);
    void ask_the_dead(Actions& actions, Random& random);
    bool small() const { return nodes() <= knobs_.small_cluster; }
    bool fresh(Entry const& entry) const;
    void rest(Random& random);
    Millis length_of_a_step(Random& random) const;
    NodeIndex oldest(Entries::Which const& which) const;
    NodeIndex oldest() const;
    NodeIndex least_known() const;
    void look_far(Actions& actions, Random& random);
    void hear_of_far(Statement const& statement, Actions& actions);
    void forget_far(Actions& actions);
    void forget(NodeIndex node, State state, Actions& actions);
    void add_far(Message& message, NodeIndex to);
    void ask_again(Actions& actions);
    bool answered(Question const& question) const;
    void suspect(NodeIndex node, Millis since, Actions& actions);
    void doubt(NodeIndex node, bool at_once);
    void bury(Actions& actions);
    void age_out(Actions& actions);
    void keep_comparable();
    void spread_news(Actions& actions, Random& random);
    void hear(Statement const& statement, bool from_itself, Actions& actions, Random& random);
    void hear_about_us(Statement const& statement);
    void change(NodeIndex node, State state, Millis since, Actions& actions);
    void hurry();

    void send(NodeIndex to, Kind kind, Actions& actions);
    Message compose(Kind kind, NodeIndex to);
    Statement statement(NodeIndex node);
    void offer_to_window(NodeIndex node);
    void sort_window();
    bool has_news() const;
    void fit_window();
    Flow flow() const { return knobs_.algorithm == Algorithm::reg ? Flow::push : Flow::answered; }
    uint8_t urgency_max() const;
    Millis wait_until(Millis time) const;
    Millis death_of(Doubt const& doubt) const;

    NodeIndex self_;
    Knobs knobs_;
    Entries entries_;
    size_t window_ = 1, sized_for_ = 0;
    std::vector<NodeIndex> candidates_; // for the window: the youngest, and what is urgent
    std::vector<NodeIndex> far_;        // entries of other groups, the youngest first
    std::vector<Question> questions_;   // that may still be answered
    std::vector<Doubt> doubts_;
    bool started_ = false, hurried_ = false, left_ = false, odd_step_ = false;
    Time last_ = 0;       // the time of the last event, as given
    Millis clock_ = 0;    // our own time, which never goes back
    Millis returned_ = 0; // since when we have been here without a gap
    Millis next_step_ = 0, next_hurry_ = 0;
    NodeIndex aged_out_ = 0, kept_comparable_ = 0; // up to where
};

} // namespace rove::gossip
