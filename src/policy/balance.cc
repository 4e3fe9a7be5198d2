// SPDX-License-Identifier: Apache-2.0
// Balance: who would compute sooner elsewhere, and by enough to be worth a move.
//
// Each round the process with the most to gain is ordered away, and the next round counts it as
// gone. A target is considered only if its price with `stability` processes for each that comes is
// below the price here: with one process and an idle node, or three processes on two nodes, that is
// never so.
#include <algorithm>

#include "policy/decide.hh"
#include "policy/gain.hh"
#include "policy/load.hh"

namespace rove::policy {

namespace {

// So many of those that need the most are looked at; the others have less to gain.
constexpr size_t looked_at = 16;
// A target that is only as good as here when asked is not taken.
constexpr double better = 0.98;

struct Proposal {
    ProcessView const* process = nullptr;
    NodeView* to = nullptr;
    Why why = Why::balance;
    Figures figures;
};

std::vector<ProcessView const*> candidates(Deciding const& deciding) {
    std::vector<ProcessView const*> found;
    for (ProcessView const& process : deciding.snapshot.processes) {
        if (deciding.ordered(process.id)) continue;
        Verdict verdict = movable(process, deciding.knobs);
        if (verdict != Verdict::moves) {
            deciding.note(process, verdict);
            continue;
        }
        found.push_back(&process);
    }
    size_t kept = std::min(found.size(), looked_at);
    std::partial_sort(found.begin(), found.begin() + static_cast<ptrdiff_t>(kept), found.end(),
        [&](ProcessView const* a, ProcessView const* b) {
            return remaining(*a, deciding.knobs) > remaining(*b, deciding.knobs);
        });
    found.resize(kept);
    return found;
}

// Between it and its home while it is away: where it is, or on the nearest node that it could go
// to.
double distance_from_home(ProcessView const& process, Deciding const& deciding) {
    Snapshot const& snapshot = deciding.snapshot;
    if (process.home != snapshot.self.node)
        return round_trip(snapshot.self, process.home, snapshot);
    double nearest = snapshot.nodes.empty() ? first_round_trip_s : 1e9;
    for (NodeView const& node : snapshot.nodes)
        nearest = std::min<double>(nearest, node.round_trip_s);
    return nearest;
}

double waits_for_home(ProcessView const& process, Deciding const& deciding) {
    double calls = calls_home(process);
    return calls > 0 ? calls * distance_from_home(process, deciding) : 0;
}

// Those that are a burden to their host's network rather than a use of its cores.
bool belongs_home(ProcessView const& process, Deciding const& deciding) {
    return process.demand < deciding.knobs.interactive ||
           waits_for_home(process, deciding) > deciding.knobs.calls_share;
}

void propose(Proposal& best, Proposal const& other) {
    if (!best.process || other.figures.gain_s > best.figures.gain_s) best = other;
}

// Home, if it would be no worse off there.
void consider_home(
    ProcessView const& process, Deciding const& deciding, Crowd const& crowd, Proposal& best) {
    for (NodeView const& node : deciding.snapshot.nodes) {
        if (node.node != process.home) continue;
        NodeView home = node;
        home.takes = 1;
        Figures figures = weigh(process, home, crowd, deciding.snapshot, deciding.knobs);
        // It would be sent away again at once from a home that becomes short of memory by it.
        uint64_t left_over =
            std::max(short_below(home, deciding.knobs), reserve_of(home, deciding.knobs));
        bool room = process.memory + left_over <= home.memory_free;
        bool idle = process.demand < deciding.knobs.interactive;
        if (!room || (figures.gain_s < figures.needed_s && !idle))
            return deciding.note(
                process, room ? Verdict::small_gain : Verdict::no_room, home.node, figures);
        for (NodeView& target : deciding.targets.all())
            if (target.node == home.node)
                return propose(best, {&process, &target, Why::home_better, figures});
    }
}

// The nodes of its partners, unless it would compute more slowly there.
void consider_partners(
    ProcessView const& process, Deciding const& deciding, Crowd const& crowd, Proposal& best) {
    Snapshot const& snapshot = deciding.snapshot;
    double talk_here = talk(process, snapshot.self, snapshot);
    double here = stretch(crowd.load(), snapshot.self.cores, snapshot.self.speed);
    for (NodeView& node : deciding.targets.all()) {
        bool with_one = std::any_of(process.partners.begin(), process.partners.end(),
            [&](Partner const& each) { return each.node == node.node; });
        if (!with_one || node.deserted || !has_room(node, process, deciding.knobs)) continue;
        if (stretch(node, process.demand) > here * (1 + deciding.knobs.near)) continue;
        double saved = talk_here - talk(process, node, snapshot);
        if (saved < deciding.knobs.talk_gain) continue;
        Figures figures = weigh(process, node, crowd, snapshot, deciding.knobs);
        if (figures.gain_s >= figures.needed_s)
            propose(best, {&process, &node, Why::together, figures});
    }
}

void consider(
    ProcessView const& process, Deciding const& deciding, Crowd const& crowd, Proposal& best) {
    Snapshot const& snapshot = deciding.snapshot;
    Targets::Choice choice = deciding.targets.choose(process, deciding.random);
    if (!choice.node)
        return deciding.note(process, choice.no_room ? Verdict::no_room : Verdict::no_target);
    NodeView without = snapshot.self;
    without.load = static_cast<float>(std::max(0.0, crowd.load() - process.demand));
    double here =
        deciding.scorer.price(without, {process.demand, static_cast<double>(process.memory)});
    Figures figures = weigh(process, *choice.node, crowd, snapshot, deciding.knobs);
    if (choice.price >= here)
        return deciding.note(process, choice.no_room ? Verdict::no_room : Verdict::no_target,
            choice.node->node, figures);
    if (figures.gain_s < figures.needed_s)
        return deciding.note(process, Verdict::small_gain, choice.node->node, figures);
    Why why = crowd.load() > snapshot.self.cores ? Why::balance : Why::faster;
    propose(best, {&process, choice.node, why, figures});
}

// What the target may be at most when it is asked, so that the gain stays what is needed.
float stretch_limit(Proposal const& best, double stability) {
    Figures const& f = best.figures;
    double demand = std::max<double>(best.process->demand, 0.01);
    double slack = f.remaining_s > 0 ? (f.gain_s - f.needed_s) * demand / f.remaining_s : 0;
    if (best.why == Why::home_better) return 1e9f;
    if (best.why == Why::together) return static_cast<float>(f.stretch_there + slack);
    // As when it was chosen: better even if more came than come.
    double more =
        (stability - 1) * demand / (std::max<double>(best.to->cores, 0.01) * best.to->speed);
    return static_cast<float>(std::min(f.stretch_there + slack, better * f.stretch_here - more));
}

bool anything_to_do(Deciding const& deciding) {
    Snapshot const& snapshot = deciding.snapshot;
    if (snapshot.self.load > snapshot.self.cores || snapshot.fastest > snapshot.self.speed * 1.05f)
        return true;
    return std::any_of(
        snapshot.processes.begin(), snapshot.processes.end(), [&](ProcessView const& each) {
            bool apart = std::any_of(
                each.partners.begin(), each.partners.end(), [&](Partner const& partner) {
                    return partner.node != nowhere && partner.node != snapshot.self.node;
                });
            return apart || (each.guest && belongs_home(each, deciding));
        });
}

} // namespace

void balance(Deciding const& deciding) {
    if (!anything_to_do(deciding)) {
        if (deciding.notes)
            for (ProcessView const& process : deciding.snapshot.processes)
                deciding.note(process, Verdict::not_crowded);
        return;
    }
    Crowd crowd(deciding.snapshot, deciding.knobs);
    while (true) {
        // Only the last round's notes are about what is left.
        if (deciding.notes) deciding.notes->clear();
        Proposal best;
        for (ProcessView const* process : candidates(deciding)) {
            if (deciding.departures_left() == 0) {
                deciding.note(*process, Verdict::enough_leave);
            } else if (!belongs_home(*process, deciding)) {
                consider(*process, deciding, crowd, best);
                consider_partners(*process, deciding, crowd, best);
            } else if (process->guest) {
                consider_home(*process, deciding, crowd, best);
            } else {
                bool idle = process->demand < deciding.knobs.interactive;
                Figures figures;
                figures.calls = static_cast<float>(calls_home(*process));
                figures.round_trip_s = static_cast<float>(distance_from_home(*process, deciding));
                deciding.note(
                    *process, idle ? Verdict::interactive : Verdict::calls, nowhere, figures);
            }
        }
        if (!best.process) break;
        Order order{best.process->id, best.to->node, best.why,
            stretch_limit(best, deciding.knobs.stability), best.figures};
        deciding.decision.orders.push_back(order);
        deciding.targets.add(*best.to, *best.process);
        crowd.remove(*best.process);
    }
    for (Order const& order : deciding.decision.orders)
        if (deciding.notes)
            deciding.notes->push_back({order.process, Verdict::moves, order.to, order.figures});
}

} // namespace rove::policy
