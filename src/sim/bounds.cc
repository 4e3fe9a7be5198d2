// SPDX-License-Identifier: Apache-2.0
// Bounds: a cluster as one fluid, and shortest remaining time first.
#include "sim/bounds.hh"

#include <algorithm>
#include <queue>
#include <set>

namespace rove::sim {

namespace {

// Speeds of all cores, fastest first, as (cores, speed).
std::vector<std::pair<double, double>> cores_of(Scenario const& scenario) {
    std::vector<std::pair<double, double>> cores;
    for (NodeGroup const& group : scenario.nodes)
        cores.push_back({group.cores * group.count, group.speed});
    std::sort(cores.begin(), cores.end(),
        [](auto const& a, auto const& b) { return a.second > b.second; });
    return cores;
}

// What so many processes get together.
double power_for(std::vector<std::pair<double, double>> const& cores, double load) {
    double power = 0;
    for (auto const& [count, speed] : cores) {
        double used = std::min(load, count);
        power += used * speed;
        load -= used;
    }
    return power;
}

// All jobs share all cores: each ends when the clock has advanced by its work.
void fair(Scenario const& scenario, Jobs const& jobs, Bounds& bounds) {
    auto cores = cores_of(scenario);
    using Ending = std::pair<double, JobIndex>; // by the virtual clock
    std::priority_queue<Ending, std::vector<Ending>, std::greater<>> running;
    double clock = 0, now = 0, load = 0, sum = 0;
    size_t next = 0, counted = 0;
    while (next < jobs.size() || !running.empty()) {
        double pace = load > 1e-9 ? power_for(cores, load) / load : 0;
        double ends =
            running.empty() ? 1e300 : now + std::max(0.0, running.top().first - clock) / pace;
        if (next < jobs.size() && jobs[next].submit_s <= ends) {
            Job const& job = jobs[next];
            clock += pace * (job.submit_s - now);
            now = job.submit_s;
            load += job.demand;
            running.push({clock + job.work_s / job.demand, static_cast<JobIndex>(next++)});
            continue;
        }
        clock = running.top().first;
        now = ends;
        Job const& job = jobs[running.top().second];
        running.pop();
        load = running.empty() ? 0 : load - job.demand;
        if (!job.native) sum += slowdown(job, now), ++counted;
    }
    bounds.fair_makespan_s = now;
    if (counted > 0) bounds.fair_slowdown = sum / static_cast<double>(counted);
}

std::optional<double> shortest_first(Scenario const& scenario, Jobs const& jobs) {
    auto cores = cores_of(scenario);
    bool equal = cores.front().second == cores.back().second;
    if (!equal || std::any_of(jobs.begin(), jobs.end(),
                      [](Job const& job) { return job.demand != 1 || job.native; }))
        return std::nullopt;
    double speed = cores.front().second;
    auto places = static_cast<size_t>(scenario.power() / speed);
    // Those that run, by when they end; those that wait, by what is left of them.
    std::set<std::pair<double, JobIndex>> running, waiting;
    double sum = 0;
    size_t next = 0;
    while (next < jobs.size() || !running.empty()) {
        double ends = running.empty() ? 1e300 : running.begin()->first;
        if (next < jobs.size() && jobs[next].submit_s <= ends) {
            auto index = static_cast<JobIndex>(next++);
            double now = jobs[index].submit_s, end = now + jobs[index].work_s / speed;
            if (running.size() < places) {
                running.insert({end, index});
            } else if (end < running.rbegin()->first) {
                auto last = *running.rbegin();
                running.erase(last);
                waiting.insert({last.first - now, last.second});
                running.insert({end, index});
            } else {
                waiting.insert({end - now, index});
            }
            continue;
        }
        sum += slowdown(jobs[running.begin()->second], ends);
        running.erase(running.begin());
        if (waiting.empty()) continue;
        running.insert({ends + waiting.begin()->first, waiting.begin()->second});
        waiting.erase(waiting.begin());
    }
    return jobs.empty() ? 1 : sum / static_cast<double>(jobs.size());
}

} // namespace

Bounds find_bounds(Scenario const& scenario, Jobs const& jobs) {
    Bounds bounds;
    auto cores = cores_of(scenario);
    double work = 0, alone = 0, power = 0, first = jobs.empty() ? 0 : jobs.front().submit_s;
    for (auto const& [count, speed] : cores)
        power += count * speed;
    for (Job const& job : jobs) {
        work += job.work_s;
        alone = std::max(alone, job.submit_s + job.work_s / job.demand / cores.front().second);
    }
    bounds.makespan_s = std::max(alone, first + work / power);
    fair(scenario, jobs, bounds);
    bounds.shortest_first_slowdown = shortest_first(scenario, jobs);
    return bounds;
}

} // namespace rove::sim
