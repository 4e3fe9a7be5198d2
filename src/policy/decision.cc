// SPDX-License-Identifier: Apache-2.0
// Decision: its words.
#include "policy/decision.hh"

#include <fmt/format.h>

namespace rove::policy {

namespace {
struct Words {
    char const* word;
    char const* sentence;
};
Words words(Why why) {
    switch (why) {
    case Why::balance:
        return {"balance", "it computes sooner there"};
    case Why::faster:
        return {"faster", "the other node is faster"};
    case Why::together:
        return {"together", "those it talks to are there"};
    case Why::memory:
        return {"memory", "memory is short here"};
    case Why::make_room:
        return {"make_room", "a larger process of another node needs the room"};
    case Why::home_better:
        return {"home_better", "it waits for its home more than it computes"};
    case Why::owner:
        return {"owner", "the users of this node need it"};
    case Why::drained:
        return {"drained", "this node sends its processes away"};
    }
    return {"unknown", "nobody knows why"};
}
Words words(Verdict verdict) {
    switch (verdict) {
    case Verdict::moves:
        return {"moves", "it is to move"};
    case Verdict::not_crowded:
        return {"not_crowded", "everybody here has a core, and no node is faster"};
    case Verdict::stays:
        return {"stays", "its user has locked it"};
    case Verdict::confined:
        return {"confined", "something keeps it where it is"};
    case Verdict::moving:
        return {"moving", "it is moving already"};
    case Verdict::just_arrived:
        return {"just_arrived", "it has not been here for long"};
    case Verdict::interactive:
        return {"interactive", "it hardly computes"};
    case Verdict::calls:
        return {"calls", "it would wait for forwarded calls"};
    case Verdict::no_target:
        return {"no_target", "no node would be better"};
    case Verdict::no_room:
        return {"no_room", "no better node has the memory and the CPU features for it"};
    case Verdict::small_gain:
        return {"small_gain", "a move would save too little"};
    case Verdict::enough_leave:
        return {"enough_leave", "enough others are leaving"};
    }
    return {"unknown", "nobody knows why"};
}
} // namespace

char const* word(Why why) {
    return words(why).word;
}
char const* word(Verdict verdict) {
    return words(verdict).word;
}
char const* sentence(Why why) {
    return words(why).sentence;
}
char const* sentence(Verdict verdict) {
    return words(verdict).sentence;
}

std::string text(Figures const& f) {
    if (f.stretch_here == 0) return {};
    std::string here = fmt::format(
        "load {:.2f} here, {:.2f} there; a CPU second takes {:.2f} s here, {:.2f} s there",
        f.load_here, f.load_there, f.stretch_here, f.stretch_there);
    if (f.stretch_there == 0)
        here = fmt::format(
            "load {:.2f} here; a CPU second takes {:.2f} s", f.load_here, f.stretch_here);
    if (f.needed_s == 0) return here;
    if (f.expected_s != 0) here += fmt::format("; its like need {:.2f} CPU s", f.expected_s);
    return here +
           fmt::format("; {:.2f} CPU s expected, crowded for {:.2f} s more; stay {:.2f} s - "
                       "go {:.2f} s - move "
                       "{:.3f} s - talk {:.3f} s = gain {:.2f} s, {:.2f} s needed; {:.3f} ms "
                       "there and back",
               f.remaining_s, f.crowded_s, f.stay_s, f.go_s, f.cost_s, f.talk_s, f.gain_s,
               f.needed_s, f.round_trip_s * 1000);
}

} // namespace rove::policy
