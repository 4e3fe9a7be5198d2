// SPDX-License-Identifier: Apache-2.0
// The verb `lab`: a cluster on one machine. Parses, calls lab/, prints.
#include "cli/lab.hh"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "base/text.hh"
#include "base/units.hh"
#include "lab/init.hh"
#include "lab/lab.hh"
#include "lab/log.hh"
#include "lab/run.hh"
#include "lab/store.hh"

namespace rove {

namespace {

enum Exit : int { done = 0, failed = 1, usage = 2 };

constexpr char const* default_name = "lab";
constexpr int not_entered = 125;

int report(int code, std::string const& sentence, bool as_json) {
    if (as_json) {
        boost::json::object error{{"error", sentence}, {"code", code}};
        std::fprintf(stderr, "%s\n", boost::json::serialize(error).c_str());
    } else {
        std::fprintf(stderr, "rove lab: %s\n", sentence.c_str());
    }
    return code;
}

int report(Status const& status) {
    return status ? int(done) : report(failed, status.error().sentence(), false);
}

// ^C and its like, held back so that what is half made can be taken down again.
class HeldSignals {
public:
    HeldSignals() {
        sigemptyset(&held_);
        for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT})
            sigaddset(&held_, signal);
        (void)::sigprocmask(SIG_BLOCK, &held_, nullptr);
    }
    Status interrupted() {
        timespec now{};
        if (::sigtimedwait(&held_, nullptr, &now) > 0) interrupted_ = true;
        if (interrupted_) return fail(0, "interrupted");
        return {};
    }

private:
    sigset_t held_;
    bool interrupted_ = false;
};

struct Arguments {
    std::string name = default_name;
    lab::UpOptions up;
    std::string node; // NODE, or A[:B]
    std::string act;  // of `daemon`
    bool json = false;
    bool follow = false;
    std::vector<std::string> command;
};

// The plan of the lab, if it has all the nodes; otherwise an exit code after saying why.
int check_nodes(Arguments const& a, std::vector<std::string_view> const& nodes) {
    auto plan = lab::load_plan(a.name);
    if (!plan) return report(failed, plan.error().sentence(), a.json);
    for (std::string_view node : nodes)
        if (!plan->find(node))
            return report(usage,
                fmt::format("there is no node '{}'; they are n1 to n{}", printable(node),
                    plan->nodes.size()),
                a.json);
    return done;
}

int do_up(Arguments const& a) {
    lab::Machine machine = lab::this_machine();
    auto nodes = lab::plan_nodes(a.up, machine);
    if (!nodes) return report(usage, nodes.error().sentence(), false);
    for (std::string const& excess : lab::excesses(*nodes, machine))
        std::fprintf(stderr, "rove lab: warning: %s\n", excess.c_str());
    HeldSignals held;
    Status made = lab::up(a.name, *nodes, [&] { return held.interrupted(); });
    if (!made) return report(made);
    std::string option = a.name == default_name ? "" : "--name " + a.name + " ";
    std::printf("lab '%s' is up: %s to %s; try 'rove lab run %sn1 -- rove nodes'\n", a.name.c_str(),
        nodes->front().name.c_str(), nodes->back().name.c_str(), option.c_str());
    return done;
}

int do_down(Arguments const& a) {
    HeldSignals held;
    return report(lab::down(a.name));
}

int do_kill(Arguments const& a) {
    if (int code = check_nodes(a, {a.node})) return code;
    HeldSignals held;
    return report(lab::kill_node(a.name, a.node));
}

int do_start(Arguments const& a) {
    if (int code = check_nodes(a, {a.node})) return code;
    HeldSignals held;
    return report(lab::start_node(a.name, a.node, [&] { return held.interrupted(); }));
}

int do_cut_or_heal(Arguments const& a,
    std::function<Status(std::string_view, std::string_view, std::string_view)> const& act) {
    auto [first, second] = rove::cut(a.node, ':');
    std::vector<std::string_view> named;
    if (!a.node.empty()) named.push_back(first);
    if (a.node.find(':') != std::string::npos) named.push_back(second);
    if (int code = check_nodes(a, named)) return code;
    if (named.size() == 2 && first == second)
        return report(usage, fmt::format("'{}' names one node twice", a.node), false);
    return report(act(a.name, first, second));
}

int do_daemon(Arguments const& a) {
    using lab::DaemonAct;
    if (int code = check_nodes(a, {a.node})) return code;
    DaemonAct act = a.act == "start"  ? DaemonAct::start
                    : a.act == "stop" ? DaemonAct::stop
                                      : DaemonAct::kill;
    HeldSignals held;
    return report(lab::act_on_daemon(a.name, a.node, act, [&] { return held.interrupted(); }));
}

int do_log(Arguments const& a) {
    if (int code = check_nodes(a, {a.node})) return code;
    return report(lab::print_log(a.name, a.node, a.follow ? lab::Follow::yes : lab::Follow::no));
}

int do_run(Arguments const& a) {
    if (int code = check_nodes(a, {a.node})) return code == usage ? usage : not_entered;
    auto status = lab::run_command(a.name, a.node, a.command);
    if (!status) return report(not_entered, status.error().sentence(), false);
    return *status;
}

std::string joined(std::vector<std::string> const& names) {
    return names.empty() ? "-" : rove::join(names, ",");
}

int do_status(Arguments const& a) {
    auto rows = lab::status(a.name);
    if (!rows) return report(failed, rows.error().sentence(), a.json);
    if (a.json) {
        boost::json::array array;
        for (lab::NodeStatus const& row : *rows)
            array.push_back({{"name", row.name}, {"address", row.address}, {"cpus", row.cpus},
                {"memory_bytes", row.memory_bytes}, {"swap_bytes", row.swap_bytes},
                {"state", row.state},
                {"cut_from", boost::json::array(row.cut_from.begin(), row.cut_from.end())}});
        std::printf("%s\n", boost::json::serialize(array).c_str());
        return done;
    }
    if (rows->empty()) {
        std::printf("no lab is up; 'rove lab up' makes one\n");
        return done;
    }
    std::printf(
        "%-6s %-15s %6s %8s  %-12s %s\n", "NODE", "ADDRESS", "CPUS", "MEMORY", "STATE", "CUT FROM");
    for (lab::NodeStatus const& row : *rows)
        std::printf("%-6s %-15s %6g %8s  %-12s %s\n", row.name.c_str(), row.address.c_str(),
            row.cpus, print_size(row.memory_bytes).c_str(), row.state.c_str(),
            joined(row.cut_from).c_str());
    return done;
}

CLI::App* verb(CLI::App& app, Arguments& a, char const* name, char const* text) {
    CLI::App* made = app.add_subcommand(name, text);
    made->add_option("--name", a.name, "The lab's name, when there are several")
        ->type_name("L")
        ->check([](std::string const& given) {
            return lab::good_lab_name(given) ? std::string()
                                             : std::string("a lab's name is [a-z0-9-], up to 32");
        });
    return made;
}

void add_node(CLI::App* app, Arguments& a) {
    app->add_option("NODE", a.node, "A node's name, such as n1")->required()->type_name("");
}

// Sets up the parser; returns the function of the verb that will have been given.
void describe(CLI::App& app, Arguments& a, std::function<int()>& chosen) {
    auto to = [&](CLI::App* app_verb, int (*act)(Arguments const&)) {
        app_verb->callback([&a, &chosen, act] { chosen = [&a, act] { return act(a); }; });
    };
    app.require_subcommand(1);

    CLI::App* up = verb(app, a, "up", "Make a lab; returns when every node sees every other");
    up->add_option("--nodes", a.up.nodes, "How many nodes")->capture_default_str()->type_name("N");
    up->add_option("--cpus", a.up.cpus, "CPUs of each; 0 is no limit")->capture_default_str();
    up->add_option("--mem", a.up.memory, "Memory of each; 0 is no limit")->capture_default_str();
    up->add_option("--swap", a.up.swap, "Swap of each; 0 is none")->capture_default_str();
    up->add_option("--rate", a.up.rate, "Network rate; 0 is no limit")->capture_default_str();
    up->add_option("--node", a.up.per_node,
          "One node's own: "
          "n2:cpus=0.25,mem=256M,swap=1G,cpuset=1,rate=1gbit,hide=avx512f,clock=+3h")
        ->type_name("NODE:SETTINGS")
        ->take_all()
        ->allow_extra_args(false);
    to(up, do_up);

    // For the help alone: `run` is taken apart by hand, since what follows NODE is not ours.
    CLI::App* run = verb(app, a, "run", "Run a command on a node: rove lab run NODE [--] CMD…");
    add_node(run, a);
    run->add_option("CMD", a.command, "The command and its arguments")->required()->type_name("");
    to(run, do_run);

    CLI::App* status = verb(app, a, "status", "List the nodes");
    status->add_flag("--json", a.json, "As a JSON array");
    to(status, do_status);

    CLI::App* kill = verb(app, a, "kill", "End a node as if its power were cut");
    add_node(kill, a);
    to(kill, do_kill);
    CLI::App* start = verb(app, a, "start", "Start a killed node again");
    add_node(start, a);
    to(start, do_start);

    CLI::App* cut = verb(app, a, "cut", "Let packets vanish: of A, or between A and B");
    cut->add_option("A[:B]", a.node, "One node, or two")->required()->type_name("");
    cut->callback([&] { chosen = [&] { return do_cut_or_heal(a, lab::cut_nodes); }; });
    CLI::App* heal = verb(app, a, "heal", "Undo cuts: all, those of A, or the one of A and B");
    heal->add_option("A[:B]", a.node, "One node, or two; all cuts without it")->type_name("");
    heal->callback([&] { chosen = [&] { return do_cut_or_heal(a, lab::heal_nodes); }; });

    CLI::App* daemon = verb(app, a, "daemon", "Act on a node's roved alone");
    add_node(daemon, a);
    daemon->add_option("ACT", a.act, "stop, kill or start")
        ->required()
        ->type_name("")
        ->check(CLI::IsMember({"stop", "kill", "start"}));
    to(daemon, do_daemon);

    CLI::App* log = verb(app, a, "log", "Print the log of a node's roved");
    add_node(log, a);
    log->add_flag("-f,--follow", a.follow, "Go on as it grows");
    to(log, do_log);
    CLI::App* down = verb(app, a, "down", "Remove a lab and all that it made");
    to(down, do_down);
}

bool asks_help(std::string_view word) {
    return word == "--help" || word == "-h";
}

// `run` [--name L] NODE [--] CMD…: nothing after NODE is an option of ours. False: let CLI11 say
// why.
bool parse_run(int argc, char** argv, Arguments& a) {
    if (argc < 2 || std::strcmp(argv[1], "run") != 0) return false;
    int at = 2;
    for (; at < argc && argv[at][0] == '-' && std::strcmp(argv[at], "--") != 0; ++at) {
        std::string_view word = argv[at];
        if (word.starts_with("--name="))
            a.name = word.substr(7);
        else if (word == "--name" && at + 1 < argc)
            a.name = argv[++at];
        else
            return false;
        if (!lab::good_lab_name(a.name)) return false;
    }
    if (at < argc && std::strcmp(argv[at], "--") == 0) ++at;
    if (at >= argc) return false;
    a.node = argv[at++];
    if (at < argc && std::strcmp(argv[at], "--") == 0)
        ++at;
    else if (at < argc && asks_help(argv[at]))
        return false;
    a.command.assign(argv + at, argv + argc);
    return !a.command.empty();
}

bool wants_json(int argc, char** argv) {
    for (int at = 1; at < argc; ++at)
        if (std::strcmp(argv[at], "--json") == 0) return true;
    return false;
}

} // namespace

int lab_main(int argc, char** argv) {
    if (argc > 1 && std::strcmp(argv[1], lab::init_word) == 0)
        return lab::init_main(argc - 1, argv + 1);
    Arguments a;
    std::function<int()> chosen;
    CLI::App app("A cluster on one machine, to try Rove and to test it", "rove lab");
    if (parse_run(argc, argv, a)) {
        chosen = [&a] { return do_run(a); };
    } else {
        describe(app, a, chosen);
        try {
            app.parse(argc, argv);
        } catch (CLI::ParseError const& error) {
            if (error.get_exit_code() == 0) return app.exit(error);
            std::string where = "rove lab";
            for (CLI::App const* sub : app.get_subcommands())
                where += " " + sub->get_name();
            return report(usage, fmt::format("{}; '{} --help' shows how", error.what(), where),
                wants_json(argc, argv));
        }
    }
    if (::geteuid() != 0)
        return report(failed,
            "a lab makes namespaces, cgroups and links, so it needs root; try it "
            "with sudo",
            a.json);
    return chosen();
}

} // namespace rove
