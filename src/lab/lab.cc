// SPDX-License-Identifier: Apache-2.0
// Lab: the acts of `rove lab`, each a function that changes a lab as a whole or fails.
#include "lab/lab.hh"

#include <csignal>
#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

#include "base/text.hh"
#include "lab/board.hh"
#include "lab/daemon.hh"
#include "lab/files.hh"
#include "lab/hierarchies.hh"
#include "lab/init.hh"
#include "lab/network.hh"
#include "lab/node.hh"
#include "lab/places.hh"
#include "lab/store.hh"
#include "lab/swap.hh"

namespace rove::lab {

namespace {

using std::chrono::seconds;

// Tests of the lab itself want nodes without daemons.
bool without_daemons() {
    return ::getenv("ROVE_LAB_NO_DAEMON") != nullptr;
}

Status build(Plan const& plan, Interrupted const& interrupted) {
    TRY(make_switch(plan.name));
    for (NodePlan const& node : plan.nodes) {
        TRY(interrupted());
        if (Status done = boot(plan, node); !done)
            return fail(done.error(), "cannot make {}", node.name);
    }
    if (without_daemons()) return {};
    for (NodePlan const& node : plan.nodes) {
        TRY(interrupted());
        TRY(start_daemon(plan.name, node.name));
    }
    Deadline deadline = Deadline::after(seconds(30));
    for (NodePlan const& node : plan.nodes)
        TRY(await_daemon(plan.name, node.name, deadline, interrupted));
    return await_agreement(plan, deadline, interrupted);
}

// For a node that stays: where to look.
Status with_hint(Status status, std::string_view lab, std::string_view node) {
    if (status) return status;
    return fail(
        0, "{}; 'rove lab log --name {} {}' may say why", status.error().sentence(), lab, node);
}

// The end of each log, since the logs go with the lab.
std::string last_words(Plan const& plan) {
    std::string words;
    for (NodePlan const& node : plan.nodes) {
        auto text = read_text(log_path(plan.name, node.name));
        if (!text || text->empty()) continue;
        auto all = lines(*text);
        for (size_t at = all.size() > 5 ? all.size() - 5 : 0; at < all.size(); ++at)
            words += fmt::format("\n  {}: {}", node.name, printable(all[at]));
    }
    return words;
}

// An ended init stays in the process list until the machine's own reaper has seen it, which on some
// machines looks only now and then. Nobody depends on it, so there is a limit and no error.
void await_reaper(std::vector<pid_t> const& ended) {
    Deadline deadline = Deadline::after(seconds(3));
    for (pid_t pid : ended)
        while (is_zombie(pid) && !deadline.passed())
            (void)::usleep(5000);
}

Status take_down(std::string_view lab, Store& store) {
    auto all = TRY(find_hierarchies());
    Deadline deadline = Deadline::after(seconds(15));
    // By the directories, not by lab.json, which may be broken. Init goes with all of its node.
    std::vector<pid_t> inits;
    std::vector<std::string> nodes = names_in(state_dir(lab));
    for (std::string const& node : nodes) {
        auto init = running_init(lab, node);
        if (!init) continue;
        inits.push_back(*init);
        (void)::kill(*init, SIGKILL);
    }
    TRY(kill_cgroups(all, lab, "", deadline));
    for (std::string const& node : nodes) {
        while (running_init(lab, node)) {
            if (deadline.passed()) return fail(0, "{} of lab '{}' does not die", node, lab);
            TRY(kill_cgroups(all, lab, "", deadline));
            (void)::usleep(1000);
        }
    }
    TRY(remove_switch(lab));
    TRY(swap_off(lab, ""));
    TRY(remove_cgroups(all, lab, "", deadline));
    TRY(store.remove());
    // Our own children, if `up` takes down what it could not finish.
    for (pid_t init : inits)
        (void)::waitpid(init, nullptr, WNOHANG);
    await_reaper(inits);
    return {};
}

} // namespace

Machine this_machine() {
    return {static_cast<int>(::sysconf(_SC_NPROCESSORS_CONF)),
        static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
            static_cast<uint64_t>(::sysconf(_SC_PAGESIZE))};
}

Status up(std::string_view lab, std::vector<NodePlan> nodes, Interrupted const& interrupted) {
    Plan plan;
    plan.name = lab;
    plan.nodes = std::move(nodes);
    Store store = TRY(Store::create(plan));
    Status built = build(plan, interrupted);
    if (built) return {};
    std::string words = interrupted() ? last_words(plan) : "";
    Status gone = take_down(lab, store);
    if (!gone)
        return fail(0, "{}, and what was made could not be removed: {}{}", built.error().sentence(),
            gone.error().sentence(), words);
    return fail(0, "{}{}", built.error().sentence(), words);
}

Status down(std::string_view lab) {
    if (!lab_exists(lab)) return {};
    Store store = TRY(Store::open(lab));
    return take_down(lab, store);
}

Status kill_node(std::string_view lab, std::string_view node) {
    Store store = TRY(Store::open(lab));
    Plan plan = TRY(load_plan(lab));
    plan.dark.emplace(node);
    TRY(apply_cuts(plan));
    TRY(store.save(plan));
    return halt(plan, *plan.find(node), Deadline::after(seconds(15)));
}

Status start_node(std::string_view lab, std::string_view node, Interrupted const& interrupted) {
    Store store = TRY(Store::open(lab));
    Plan plan = TRY(load_plan(lab));
    if (!running_init(lab, node)) {
        // What a node leaves behind that died by itself.
        TRY(halt(plan, *plan.find(node), Deadline::after(seconds(15))));
        Status booted = boot(plan, *plan.find(node));
        if (!booted) {
            (void)halt(plan, *plan.find(node), Deadline::after(seconds(15)));
            return booted;
        }
    }
    if (plan.dark.erase(std::string(node))) {
        TRY(store.save(plan));
        TRY(apply_cuts(plan));
    }
    if (without_daemons()) return {};
    TRY(start_daemon(lab, node));
    TRY(with_hint(await_daemon(lab, node, Deadline::after(seconds(15)), interrupted), lab, node));
    return with_hint(await_agreement(plan, Deadline::after(seconds(30)), interrupted), lab, node);
}

Status cut_nodes(std::string_view lab, std::string_view a, std::string_view b) {
    Store store = TRY(Store::open(lab));
    Plan plan = TRY(load_plan(lab));
    for (NodePlan const& other : plan.nodes)
        if (other.name != a && (b.empty() || other.name == b))
            plan.cuts.insert(cut_between(a, other.name));
    TRY(apply_cuts(plan));
    return store.save(plan);
}

Status heal_nodes(std::string_view lab, std::string_view a, std::string_view b) {
    Store store = TRY(Store::open(lab));
    Plan plan = TRY(load_plan(lab));
    std::erase_if(plan.cuts, [&](Cut const& cut) {
        if (a.empty()) return true;
        if (b.empty()) return cut.first == a || cut.second == a;
        return cut == cut_between(a, b);
    });
    TRY(apply_cuts(plan));
    return store.save(plan);
}

Status act_on_daemon(
    std::string_view lab, std::string_view node, DaemonAct act, Interrupted const& interrupted) {
    Store store = TRY(Store::open(lab));
    switch (act) {
    case DaemonAct::stop:
        return end_daemon(lab, node, SIGTERM, Deadline::after(seconds(30)));
    case DaemonAct::kill:
        return end_daemon(lab, node, SIGKILL, Deadline::after(seconds(15)));
    case DaemonAct::start:
        TRY(start_daemon(lab, node));
        TRY(with_hint(
            await_daemon(lab, node, Deadline::after(seconds(15)), interrupted), lab, node));
        // The others find it again within a second. One that they turn away, for its key or its
        // name, runs all the same.
        (void)await_agreement(TRY(load_plan(lab)), Deadline::after(seconds(5)), interrupted, node);
        return interrupted();
    }
    return {};
}

Result<std::vector<NodeStatus>> status(std::string_view lab) {
    std::vector<NodeStatus> rows;
    if (!lab_exists(lab)) return rows;
    Plan plan = TRY(load_plan(lab));
    Machine machine = this_machine();
    for (NodePlan const& node : plan.nodes) {
        NodeStatus row;
        row.name = node.name;
        row.address = plan.address_of(node.name);
        row.cpus = node.cpus > 0 ? node.cpus : machine.cpus;
        row.memory_bytes = node.memory_bytes ? node.memory_bytes : machine.memory_bytes;
        row.swap_bytes = node.swap_bytes;
        row.state = name_of(state_of(lab, node.name));
        for (NodePlan const& other : plan.nodes)
            if (plan.cuts.count(cut_between(node.name, other.name)))
                row.cut_from.push_back(other.name);
        rows.push_back(std::move(row));
    }
    return rows;
}

} // namespace rove::lab
