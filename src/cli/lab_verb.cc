// SPDX-License-Identifier: Apache-2.0
// The verb `lab` in the table: described here for the manual and completion, parsed in lab.cc.
#include "cli/lab.hh"
#include "cli/verbs.hh"

namespace rove::cli {

namespace {

int run(Given const&) {
    return 2;
} // never called: raw parses for itself

Argument const arguments[] = {{"ACT", Kind::lab_verb, Need::must}};
Option const options[] = {
    {"--name", nullptr, "L", Kind::text, "which lab, when there are several; right after ACT"},
    {"--nodes", nullptr, "N", Kind::number, "up: how many nodes (3)"},
    {"--cpus", nullptr, "C", Kind::number, "up: CPUs of each node; 0 is no limit (0.5)"},
    {"--mem", nullptr, "SIZE", Kind::size, "up: memory of each node; 0 is no limit (1G)"},
    {"--swap", nullptr, "SIZE", Kind::size, "up: swap of each node; 0 is none (0)"},
    {"--rate", nullptr, "RATE", Kind::text,
        "up: network rate of each node; 0 is no limit (10gbit)"},
    {"--node", nullptr, "NODE:SETTINGS", Kind::text,
        "up: one node's own: n2:cpus=0.25,mem=256M, also swap=1G, cpuset=1, rate=1gbit, "
        "hide=avx512f, clock=+3h"},
    {"--follow", "-f", nullptr, Kind::text, "log: go on as it grows"},
};

} // namespace

Verb const lab_verb{"lab", "make a whole cluster on this machine, to try things", arguments,
    options,
    "A real cluster on one machine: each node has its own roved, network, processes, CPU and\n"
    "memory limits. ACT is one of\n"
    "  up                     make it; returns when every node sees every other\n"
    "  run NODE [--] CMD...   run CMD on that node\n"
    "  status                 list the nodes\n"
    "  kill NODE, start NODE  as if its power were cut, and switched on again\n"
    "  cut A[:B], heal [A[:B]]\n"
    "                         packets vanish silently, and come through again\n"
    "  daemon NODE stop|kill|start\n"
    "                         acts on its roved alone\n"
    "  log NODE [-f]          its roved's log\n"
    "  down                   remove it; nothing is left\n"
    "'rove lab ACT --help' tells more.\n\n"
    "    rove lab up --nodes 4 --node n2:cpus=0.25\n"
    "    rove lab run n1 -- rove nodes",
    run, lab_main};

} // namespace rove::cli
