// SPDX-License-Identifier: Apache-2.0
// The verb `mpirun`: the installed mpirun as a program of ours, with all set so that its ranks can
// move, and begin where they are wanted.
#include <cstdlib>

#include <fmt/core.h>
#include <unistd.h>

#include "base/text.hh"
#include "cli/answer.hh"
#include "cli/find_program.hh"
#include "cli/mpi_environment.hh"
#include "cli/mpi_rank.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"

namespace rove::cli {

namespace {

using client::Asked;
using client::Exit;
using client::Trouble;
using client::trouble;

std::string real_path(std::string const& path) {
    char* full = realpath(path.c_str(), nullptr);
    std::string const text = full ? full : path;
    std::free(full);
    return text;
}

// Our components for Open MPI; empty: this build has none.
std::string components(std::string const& self) {
    std::string const directory =
        real_path(self.substr(0, self.rfind('/')) + "/../lib/rove/openmpi");
    return access((directory + "/mca_btl_rove.so").c_str(), R_OK) == 0 ? directory : "";
}

Asked<std::string> find_mpirun(Given const& given) {
    std::string const wanted = given.value("--with").value_or("mpirun");
    Asked<std::string> path = find_program(wanted);
    if (!path && path.error().code == Exit::not_found && !given.has("--with"))
        return trouble(Exit::not_found,
            "there is no mpirun here; install Open MPI 4 (on Debian: openmpi-bin), or put the "
            "directory of its mpirun into PATH");
    return path;
}

std::string way_of(Given const& given) {
    if (auto const nodes = given.value("--spread")) return "spread:" + *nodes;
    return given.has("--best") ? "best" : "home";
}

// What the board has for it now, before mpirun makes this node a busy one; and what can be known to
// be wrong, since mpirun's own failures are longer. Empty: nobody answers, and it can do without.
Asked<std::string> look_for_places(MpiLaunch const& launch, std::string const& mpirun) {
    if (launch.way == "home" && !launch.prevent_oversubscription) {
        Asked<Allotment> allotted = allot_now(launch.way);
        return allotted ? text_of(*allotted) : "";
    }
    if (real_path(mpirun).find("hydra") != std::string::npos)
        return trouble(Exit::cannot_start,
            fmt::format("{} is MPICH's; --spread, --best and --prevent-oversubscription need that "
                        "of Open MPI",
                for_terminal(mpirun, true)));
    if (launch.components.empty())
        return trouble(Exit::cannot_start,
            "this build has no components for Open MPI, which --spread, --best and "
            "--prevent-oversubscription need; build it where libopenmpi-dev is installed");
    if (std::getenv(mpi_component_path))
        return trouble(Exit::cannot_start,
            fmt::format("{} is set already, which --spread, --best and --prevent-oversubscription "
                        "need; unset it, or add {} to it",
                mpi_component_path, for_terminal(launch.components, true)));
    Asked<Allotment> allotted = allot_now(launch.way);
    if (!allotted) return tl::unexpected<Trouble>(allotted.error());
    return text_of(*allotted);
}

int run(Given const& given) {
    if (auto const text = given.value("--spread")) {
        Result<size_t> const nodes = parse_number<size_t>(*text);
        if (!nodes || *nodes < 1)
            return usage(
                given, fmt::format("'{}' is not a number of nodes", for_terminal(*text, true)));
        if (given.has("--best")) return usage(given, "--spread and --best exclude each other");
    }
    Asked<std::string> path = find_mpirun(given);
    if (!path) return report(given, path.error());
    std::string const self = real_path("/proc/self/exe");
    MpiLaunch launch{components(self), self, way_of(given), given.has("--stay"),
        given.has("--prevent-oversubscription"), {}};
    Asked<std::string> found = look_for_places(launch, *path);
    if (!found) return report(given, found.error());
    launch.found = *found;
    for (auto const& [name, value] :
        mpi_environment(launch, [](std::string const& name) { return std::getenv(name.c_str()); }))
        setenv(name.c_str(), value.c_str(), 1);

    Given program = given;
    program.command.insert(program.command.begin(), given.has("--with") ? *path : "mpirun");
    return run_verb.run(program);
}

Argument const arguments[] = {{"MPIRUN-WORD", Kind::command, Need::must}};
Option const options[] = {
    {"--spread", nullptr, "K", Kind::number,
        "equal numbers of ranks begin on the K nodes with the most room, neighbours together"},
    {"--best", nullptr, nullptr, Kind::text,
        "each rank begins where it runs fastest: one on each free core, the fastest first"},
    {"--stay", nullptr, nullptr, Kind::text, "no automatic moves: ranks stay where they begin"},
    {"--prevent-oversubscription", nullptr, nullptr, Kind::text,
        "no more ranks than cores of the nodes that have nothing to do; else nothing starts"},
    {"--with", nullptr, "FILE", Kind::file,
        "the mpirun to become, such as mpiexec.mpich, in place of the first one in PATH"},
};

} // namespace

Verb const mpirun_verb{"mpirun", "run an MPI job whose ranks can be moved", arguments, options,
    "Becomes the installed mpirun, as 'rove run' would, with all set so that its ranks can be\n"
    "moved. What is behind the options below goes to mpirun as it is:\n\n"
    "    rove mpirun -np 8 ./prog\n"
    "    rove mpirun --spread 2 --stay -np 8 ./prog\n"
    "    rove run --report job.json -- rove mpirun -np 8 ./prog\n\n"
    "All ranks begin here and spread over the nodes as these have room, unless --spread or\n"
    "--best says otherwise; then they begin elsewhere, and go on moving as all programs do.\n"
    "Without -np there is one for each core of the cluster that has nothing to do.\n"
    "'rove ps' shows where they are, 'rove explain PID' why one is not where you want it.\n\n"
    "Messages go from where one rank is to where the other is, not over shared memory, so jobs\n"
    "that talk all the time are faster on one node. Settings that you make yourself (--mca,\n"
    "OMPI_MCA_...) are kept: with shared memory ranks run, but stay here. -host and -hostfile\n"
    "start ranks on other machines by ssh, outside of Rove: leave them out.\n\n"
    "Exit status: that of mpirun; 125 if Rove cannot start it, 127 if there is no mpirun.",
    run, nullptr, Unknown::begins_command};

} // namespace rove::cli
