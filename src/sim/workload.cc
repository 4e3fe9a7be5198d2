// SPDX-License-Identifier: Apache-2.0
// Workload: drawing sizes and arrivals.
//
// Lifetimes follow P(T > t | T >= size) = size / t, the law that Harchol-Balter and Downey
// measured; its mean is infinite, so it is cut off at size_max.
#include "sim/workload.hh"

#include <algorithm>
#include <cmath>

#include "policy/random.hh"
#include "sim/swf.hh"

namespace rove::sim {

using policy::Random;

namespace {

double draw_size(Workload const& load, Random& random) {
    switch (load.sizes) {
    case Sizes::lifetime:
        return std::min(load.size_s / (1 - random.part()), load.size_max_s);
    case Sizes::uniform:
        return load.size_s + (load.size_max_s - load.size_s) * random.part();
    case Sizes::fixed:
        break;
    }
    return load.size_s;
}

double mean_size(Workload const& load) {
    switch (load.sizes) {
    case Sizes::lifetime:
        return load.size_s * (1 + std::log(load.size_max_s / load.size_s));
    case Sizes::uniform:
        return (load.size_s + load.size_max_s) / 2;
    case Sizes::fixed:
        break;
    }
    return load.size_s;
}

class Drawing {
public:
    Drawing(Scenario const& scenario, Workload const& load, Random& random, Jobs& jobs)
        : load_(load), random_(random), jobs_(jobs), power_(scenario.power()) {
        uint32_t all = scenario.node_count();
        first_ = load.first_home % all;
        homes_ = load.homes != 0 ? std::min(load.homes, all - first_) : all - first_;
    }
    Job& add(double submit_s, double work_s) {
        Job job;
        job.submit_s = submit_s;
        job.work_s = work_s;
        job.demand = static_cast<float>(load_.demand);
        job.calls = static_cast<float>(load_.calls);
        job.memory = load_.memory;
        if (load_.memory_max > load_.memory)
            job.memory += random_.below(load_.memory_max - load_.memory);
        job.home = first_ + static_cast<NodeIndex>(random_.below(homes_));
        job.native = load_.native;
        job.kind = load_.kind;
        jobs_.push_back(job);
        return jobs_.back();
    }
    void poisson() {
        double between = mean_size(load_) / (load_.utilisation * power_);
        for (double at = load_.begin_s + random_.exponential(between);
             at < load_.begin_s + load_.seconds; at += random_.exponential(between))
            add(at, draw_size(load_, random_));
    }
    void batch() {
        for (uint32_t i = 0; i < load_.count; ++i)
            add(load_.begin_s, draw_size(load_, random_));
    }
    void peaks() {
        for (double at = load_.begin_s; at < load_.begin_s + load_.seconds; at += load_.every_s)
            for (uint32_t i = 0; i < load_.count; ++i)
                add(at, draw_size(load_, random_));
    }
    // A job of p processors is p processes.
    Status trace() {
        std::vector<SwfJob> traced = TRY(parse_swf(TRY(read_trace(load_.file)), load_.jobs_max));
        double first = traced.empty() ? 0 : traced.front().submit_s;
        for (SwfJob const& each : traced)
            for (uint32_t i = 0; i < each.processors; ++i)
                add(load_.begin_s + (each.submit_s - first) / load_.compress,
                    std::max(each.run_s, 1.0));
        return {};
    }

private:
    Workload const& load_;
    Random& random_;
    Jobs& jobs_;
    double power_;
    uint32_t first_ = 0, homes_ = 1;
};

} // namespace

Result<Jobs> make_jobs(Scenario const& scenario, uint64_t seed) {
    Jobs jobs;
    uint64_t stream = 1000000007;
    for (Workload const& load : scenario.workloads) {
        Random random(seed, stream++);
        Drawing drawing(scenario, load, random, jobs);
        switch (load.source) {
        case Source::poisson:
            drawing.poisson();
            break;
        case Source::batch:
            drawing.batch();
            break;
        case Source::peaks:
            drawing.peaks();
            break;
        case Source::swf:
            TRY(drawing.trace());
            break;
        }
    }
    std::stable_sort(jobs.begin(), jobs.end(),
        [](Job const& a, Job const& b) { return a.submit_s < b.submit_s; });
    return jobs;
}

} // namespace rove::sim
