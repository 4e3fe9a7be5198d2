// SPDX-License-Identifier: Apache-2.0
// rove-sim: runs scenarios under the policies that they compare, and repeats logged decisions.
//
// Exit status: 0 all is as expected, 1 something is not (with the line that repeats it), 2 usage.
#include <chrono>
#include <ctime>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/resource.h>

#include "policy/record.hh"
#include "sim/false_alarms.hh"
#include "sim/gossip_trial.hh"
#include "sim/report.hh"
#include "sim/workload.hh"
#include "sys/files.hh"

namespace {

using namespace rove;

struct Options {
    std::vector<std::string> files, policies, knobs;
    std::optional<uint64_t> seed;
    std::string log;
    std::vector<size_t> gossip, false_alarms;
    double loss = 0, pause_s = 0, seconds = 600;
    size_t window = 20;
    bool json = false, replay = false, half_dead = false;
    uint64_t runs = 1;
};

double peak_gib() {
    rusage usage{};
    (void)::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_maxrss) / (1 << 20);
}

void print(Options const& options, sim::Scenario const& scenario, std::string const& policy,
    uint64_t seed, sim::Figures const& figures, size_t jobs, double seconds) {
    if (options.json) {
        fmt::print(
            "{{\"scenario\": \"{}\", \"policy\": \"{}\", \"seed\": {}, \"nodes\": {}, \"jobs\": {}",
            scenario.name, policy, seed, scenario.node_count(), jobs);
        for (auto const& [name, value] : figures)
            fmt::print(", \"{}\": {}", name, value);
        fmt::print(", \"wall_s\": {:.3f}, \"peak_gib\": {:.3f}}}\n", seconds, peak_gib());
        return;
    }
    fmt::print("  {:<12}", policy);
    for (auto const& [name, value] : figures)
        if (value != 0) fmt::print(" {} {:.5g}", name, value);
    fmt::print("   ({:.1f} s)\n", seconds);
}

void print_bounds(Options const& options, sim::Scenario const& scenario, uint64_t seed,
    sim::Bounds const& bounds, size_t jobs) {
    if (options.json) {
        fmt::print("{{\"scenario\": \"{}\", \"policy\": \"bounds\", \"seed\": {}, \"nodes\": {}, "
                   "\"jobs\": {}, "
                   "\"makespan_s\": {}, \"fair_makespan_s\": {}, \"fair_slowdown\": {}, "
                   "\"shortest_first_slowdown\": {}}}\n",
            scenario.name, seed, scenario.node_count(), jobs, bounds.makespan_s,
            bounds.fair_makespan_s, bounds.fair_slowdown,
            bounds.shortest_first_slowdown ? fmt::format("{}", *bounds.shortest_first_slowdown)
                                           : "null");
        return;
    }
    fmt::print("{} (seed {}, {} nodes, {} jobs): no schedule ends before {:.6g} s; all-knowing and "
               "free: slowdown {:.5g}{}, end {:.6g} s\n",
        scenario.name, seed, scenario.node_count(), jobs, bounds.makespan_s, bounds.fair_slowdown,
        bounds.shortest_first_slowdown
            ? fmt::format(" ({:.5g} with the shortest first)", *bounds.shortest_first_slowdown)
            : "",
        bounds.fair_makespan_s);
}

// How many expectations were not met.
Result<int> run(Options const& options, std::string const& file, uint64_t nth) {
    sim::Scenario scenario = TRY(sim::parse_scenario(TRY(sys::read_file(file)), file));
    uint64_t seed = options.seed.value_or(scenario.seed) + nth;
    for (std::string const& knob : options.knobs) {
        size_t equals = std::min(knob.find('='), knob.size());
        double* value = policy::find_knob(scenario.knobs, knob.substr(0, equals));
        if (!value || equals == knob.size())
            return deny(EINVAL, "--knob {}: there is no such knob", knob);
        *value = std::strtod(knob.c_str() + equals + 1, nullptr);
    }
    sim::Jobs jobs = TRY(sim::make_jobs(scenario, seed));
    sim::Bounds bounds = sim::find_bounds(scenario, jobs);
    print_bounds(options, scenario, seed, bounds, jobs.size());
    int failed = 0;
    for (std::string const& name :
        options.policies.empty() ? scenario.policies : options.policies) {
        auto strategy = sim::find_strategy(name);
        if (!strategy) return deny(EINVAL, "there is no policy '{}'", name);
        auto began = std::chrono::steady_clock::now();
        std::clock_t cpu_began = std::clock();
        std::string log;
        sim::World world(scenario, *strategy, jobs, seed);
        if (!options.log.empty()) world.log_to(&log);
        world.run();
        double seconds =
            std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        sim::Figures figures = sim::figures_of(world, scenario, bounds);
        figures.push_back(
            {"cpu_s", static_cast<double>(std::clock() - cpu_began) / CLOCKS_PER_SEC});
        print(options, scenario, name, seed, figures, jobs.size(), seconds);
        (void)std::fflush(stdout);
        if (!options.log.empty()) TRY(sys::write_file(options.log, log));
        for (std::string const& failure : sim::failures(scenario, name, figures)) {
            ++failed;
            fmt::print(stderr,
                "rove-sim: FAILED {}: {}; repeat with: ./run sim {} --seed {} --policy {}\n",
                scenario.name, failure, file, seed, name);
        }
    }
    return failed;
}

// Makes each logged decision again; how many came out differently.
void print_view(std::string const& who, policy::NodeView const& view) {
    fmt::print("  {}: load {:.2f} of {:.3g} cores, speed {:.2f}, {:.1f} GiB of memory free", who,
        view.load, view.cores, view.speed, static_cast<double>(view.memory_free) / (1 << 30));
    if (view.age_s > 0) fmt::print(", {:.1f} s old", view.age_s);
    fmt::print("{}{}{}\n", view.takes ? "" : ", takes nobody", view.crowded ? ", crowded" : "",
        view.deserted ? ", deserted" : "");
}

Result<int> replay(std::string const& file) {
    std::string text = TRY(sys::read_file(file, size_t(1) << 32));
    std::string_view rest = text;
    int count = 0, differ = 0;
    while (auto record = policy::take_record(rest)) {
        ++count;
        policy::Notes notes;
        policy::Decision decision = policy::replay(*record, &notes);
        if (!policy::same(decision.orders, record->orders)) ++differ;
        fmt::print("at {:.3f} s:\n", record->now_s);
        print_view("here", record->snapshot.self);
        if (record->snapshot.foreign > 0)
            fmt::print("    of that, not Rove's: {:.2f}\n", record->snapshot.foreign);
        for (policy::NodeView const& node : record->nodes)
            print_view(fmt::format("node {}", node.node), node);
        for (policy::ProcessView const& each : record->processes)
            fmt::print("  process {} of {}: {:.2f} CPU s, {:.2f} of a core, here for {:.1f} s{}\n",
                each.id, each.home == 0 ? "here" : fmt::format("node {}", each.home), each.cpu_s,
                each.demand, each.here_s, each.moving ? ", moving" : "");
        for (policy::Note const& note : notes)
            fmt::print("  process {}: {}; {}\n", note.process, policy::sentence(note.verdict),
                policy::text(note.figures));
        for (policy::Order const& order : decision.orders)
            fmt::print(
                "  process {} to {}: {}\n", order.process, order.to, policy::sentence(order.why));
    }
    if (!rest.empty())
        return deny(EINVAL, "{} is not a log of decisions after {} records", file, count);
    fmt::print("{} decisions, {} came out differently\n", count, differ);
    return differ;
}

void print_gossip(Options const& options) {
    for (size_t nodes : options.gossip) {
        std::clock_t began = std::clock();
        uint64_t seed = options.seed.value_or(1);
        sim::GossipTrial trial = sim::try_gossip(nodes, options.window, options.half_dead, seed);
        fmt::print("{{\"nodes\": {}, \"dead\": {}, \"window\": {}, \"seed\": {}, \"average\": "
                   "{:.3f}, \"average_by_theory\": {:.3f}, "
                   "\"maximum\": {:.3f}, \"maximum_by_theory\": {:.3f}, \"messages_per_step\": "
                   "{:.3f}, \"death_steps\": {:.1f}, "
                   "\"death_limit_steps\": {:.1f}, \"cpu_s\": {:.1f}}}\n",
            nodes, options.half_dead ? nodes : 0, trial.window, seed, trial.average_age,
            trial.average_by_theory, trial.maximum_age, trial.maximum_by_theory,
            trial.messages_per_step, trial.death_steps, trial.death_limit_steps,
            static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC);
        (void)std::fflush(stdout);
    }
}

void print_false_alarms(Options const& options) {
    for (size_t nodes : options.false_alarms) {
        uint64_t seed = options.seed.value_or(1);
        sim::FalseAlarms alarms =
            sim::try_false_alarms(nodes, options.loss, options.pause_s, options.seconds, seed);
        fmt::print("{{\"nodes\": {}, \"loss\": {}, \"pause_s\": {}, \"seed\": {}, \"seconds\": {}, "
                   "\"pauses\": {}, \"suspicions\": {}, \"dead\": {}}}\n",
            nodes, options.loss, options.pause_s, seed, alarms.seconds, alarms.pauses,
            alarms.suspicions, alarms.dead);
        (void)std::fflush(stdout);
    }
}

} // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Runs scenarios of a simulated cluster.", "rove-sim"};
    app.add_option("FILE", options.files, "scenarios (TOML), or logs with --replay");
    app.add_option("--policy", options.policies,
        "only these of none round_robin random central mosix opportunity …");
    app.add_option("--seed", options.seed, "instead of the scenario's");
    app.add_option("--runs", options.runs, "so many, each with the next seed");
    app.add_option("--knob", options.knobs, "NAME=VALUE, instead of the scenario's");
    app.add_option("--log", options.log, "write each decision there, for --replay");
    app.add_flag("--json", options.json, "one object per line");
    app.add_flag("--replay", options.replay, "make the decisions of a log again");
    app.add_option("--gossip", options.gossip,
           "instead: the ages of the gossip of so many nodes, against theory")
        ->check(CLI::Range(3, 20000));
    app.add_option("--window", options.window, "entries per message, for --gossip")
        ->check(CLI::Range(1, 200));
    app.add_flag("--half-dead", options.half_dead, "as many again are dead, for --gossip");
    app.add_option("--false-alarms", options.false_alarms,
           "instead: how often the gossip of so many nodes takes one for dead that lives")
        ->check(CLI::Range(3, 2000));
    app.add_option("--loss", options.loss, "of datagrams, for --false-alarms")
        ->check(CLI::Range(0.0, 0.9));
    app.add_option("--pause", options.pause_s,
           "seconds for which a node is silent now and then, for --false-alarms")
        ->check(CLI::Range(0.0, 60.0));
    app.add_option("--seconds", options.seconds, "of virtual time, for --false-alarms")
        ->check(CLI::Range(1.0, 1e6));
    CLI11_PARSE(app, argc, argv);
    if (options.files.empty() && options.gossip.empty() && options.false_alarms.empty()) {
        fmt::print(stderr, "{}", app.help());
        return 2;
    }
    print_gossip(options);
    print_false_alarms(options);
    int failed = 0;
    for (std::string const& file : options.files)
        for (uint64_t nth = 0; nth < options.runs; ++nth) {
            Result<int> done = options.replay ? replay(file) : run(options, file, nth);
            if (!done) {
                fmt::print(stderr, "rove-sim: {}\n", done.error().sentence());
                return 2;
            }
            failed += *done;
        }
    return failed == 0 ? 0 : 1;
}
