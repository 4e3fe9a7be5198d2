// SPDX-License-Identifier: Apache-2.0
// Report: summing up jobs.
#include "sim/report.hh"

#include <algorithm>

#include <fmt/format.h>

namespace rove::sim {

namespace {

double part_of(std::vector<double>& values, double part) {
    if (values.empty()) return 0;
    auto at =
        values.begin() + static_cast<ptrdiff_t>(part * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

// The most that nodes had that joined later, and how far that is above an equal share.
double joined_over_share(World const& world, Scenario const& scenario) {
    double most = 0, all = static_cast<double>(world.jobs().size()) / scenario.node_count();
    for (Happens const& event : scenario.events)
        if (event.what == Happening::join)
            for (NodeIndex node = event.first; node < event.first + event.count; ++node)
                most = std::max(most, world.peak(node) - all);
    return most;
}

} // namespace

Figures figures_of(World const& world, Scenario const& scenario, Bounds const& bounds) {
    std::vector<double> slow;
    double sum = 0, end = 0, lost = 0, unfinished = 0, twice = 0;
    for (Job const& job : world.jobs()) {
        if (job.state == JobState::lost) ++lost;
        if (job.state != JobState::done && job.state != JobState::lost) ++unfinished;
        if (job.state != JobState::done || job.native) continue;
        slow.push_back(slowdown(job, job.ended_s));
        sum += slow.back();
        end = std::max(end, job.ended_s);
        twice += job.moves > 1;
    }
    double mean = slow.empty() ? 0 : sum / static_cast<double>(slow.size());
    Totals const& totals = world.totals();
    auto count = [](uint64_t number) { return static_cast<double>(number); };
    Figures figures = {{"slowdown", mean}, {"slowdown_ratio", mean / bounds.fair_slowdown},
        {"slowdown_p99", part_of(slow, 0.99)}, {"makespan_s", end},
        {"makespan_ratio", end / bounds.makespan_s},
        {"fair_makespan_ratio", end / bounds.fair_makespan_s}, {"moves", count(totals.moves)},
        {"moved_again", twice}, {"placed_away", count(totals.placed_away)},
        {"offers", count(totals.offers)}, {"refused", count(totals.refused)},
        {"late", count(totals.timed_out)}, {"aborted", count(totals.aborted)},
        {"decisions", count(totals.decisions)}, {"lost", lost},
        {"lost_elsewhere", count(totals.lost_elsewhere)}, {"unfinished", unfinished}};
    for (Happens const& event : scenario.events) {
        if (event.what == Happening::join)
            figures.push_back({"joined_over_share", joined_over_share(world, scenario)});
        if (event.what == Happening::drain) figures.push_back({"drained_s", totals.drained_s});
    }
    return figures;
}

std::vector<std::string> failures(
    Scenario const& scenario, std::string const& policy, Figures const& figures) {
    std::vector<std::string> found;
    for (Expectation const& each : scenario.expect) {
        if (each.policy != policy) continue;
        auto figure = std::find_if(figures.begin(), figures.end(),
            [&](auto const& pair) { return pair.first == each.figure; });
        if (figure == figures.end())
            found.push_back(fmt::format("there is no figure {}", each.figure));
        else if (!(figure->second <= each.most))
            found.push_back(fmt::format(
                "{} is {:.4g}, at most {:.4g} is wanted", each.figure, figure->second, each.most));
    }
    return found;
}

} // namespace rove::sim
