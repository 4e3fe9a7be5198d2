// SPDX-License-Identifier: Apache-2.0
// The verb `mpirun`: the installed mpirun as a program of ours, with all set so that its ranks can
// move; and `.mpi-rank`, by which mpirun starts each rank if they are to begin in several places.
#include <cstdlib>
#include <cstring>

#include <fmt/core.h>
#include <unistd.h>

#include "base/text.hh"
#include "cli/answer.hh"
#include "cli/find_program.hh"
#include "cli/mpi_environment.hh"
#include "cli/mpi_places.hh"
#include "cli/mpi_rank.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"
#include "client/control.hh"

namespace rove::cli {

namespace {

using client::number_field;
using client::text_field;
using client::trouble;

constexpr char const* places_variable = "ROVE_MPI_PLACES";
// Open MPI begins each rank's command with these words.
constexpr char const* agent_variable = "OMPI_MCA_orte_fork_agent";

Asked<std::vector<Room>> rooms() {
    Asked<Json> answer = client::call("GET", "/v1/nodes");
    if (!answer) return trouble(Exit::cannot_start, answer.error().sentence);
    std::vector<Room> all;
    for (Json const& row : rows_of(*answer)) {
        auto const name = text_field(row, "name");
        if (!name || text_field(row, "state") != "up") continue;
        all.push_back({*name, number_field(row, "cores").value_or(1),
            number_field(row, "speed").value_or(1), number_field(row, "load").value_or(0)});
    }
    return all;
}

std::string real_path(std::string const& path) {
    char* full = realpath(path.c_str(), nullptr);
    std::string const text = full ? full : path;
    std::free(full);
    return text;
}

// Tells mpirun that each rank begins by `.mpi-rank`, and where.
Asked<bool> place_ranks(Given const& given, std::string const& mpirun) {
    if (real_path(mpirun).find("hydra") != std::string::npos)
        return trouble(Exit::cannot_start,
            fmt::format("{} is MPICH's; --spread and --best need that of Open MPI",
                for_terminal(mpirun, true)));
    if (std::getenv(agent_variable))
        return trouble(Exit::cannot_start,
            fmt::format(
                "{} is set already, which --spread and --best need; unset it", agent_variable));
    // Open MPI splits the words at blanks.
    std::string const self = real_path("/proc/self/exe");
    if (self.find(' ') != std::string::npos)
        return trouble(Exit::cannot_start,
            fmt::format("Open MPI cannot start '{}', since there is a blank in its path",
                for_terminal(self, true)));
    Asked<std::vector<Room>> all = rooms();
    if (!all) return tl::unexpected<Trouble>(all.error());
    Asked<Places> places = given.has("--best")
                               ? best_first(*all)
                               : spread_over(*all, *parse_number<size_t>(*given.value("--spread")));
    if (!places) return tl::unexpected<Trouble>(places.error());
    setenv(places_variable, text_of(*places).c_str(), 1);
    setenv(agent_variable, fmt::format("{} {}", self, mpi_rank_word).c_str(), 1);
    return true;
}

// Our components for Open MPI; empty: this build has none.
std::string components() {
    std::string const self = real_path("/proc/self/exe");
    std::string const directory =
        real_path(self.substr(0, self.rfind('/')) + "/../lib/rove/openmpi");
    return access((directory + "/mca_btl_rove.so").c_str(), R_OK) == 0 ? directory : "";
}

Asked<std::string> find_mpirun() {
    Asked<std::string> path = find_program("mpirun");
    if (!path && path.error().code == Exit::not_found)
        return trouble(Exit::not_found,
            "there is no mpirun here; install Open MPI 4 (on Debian: openmpi-bin), or put the "
            "directory of its mpirun into PATH");
    return path;
}

int run(Given const& given) {
    if (auto const text = given.value("--spread")) {
        Result<size_t> const nodes = parse_number<size_t>(*text);
        if (!nodes || *nodes < 1)
            return usage(
                given, fmt::format("'{}' is not a number of nodes", for_terminal(*text, true)));
        if (given.has("--best")) return usage(given, "--spread and --best exclude each other");
    }
    Asked<std::string> path = find_mpirun();
    if (!path) return report(given, path.error());
    if (given.has("--spread") || given.has("--best"))
        if (Asked<bool> placed = place_ranks(given, *path); !placed)
            return report(given, placed.error());
    for (auto const& [name, value] : mpi_environment(
             components(), [](std::string const& name) { return std::getenv(name.c_str()); }))
        setenv(name.c_str(), value.c_str(), 1);

    Given program = given;
    program.command.insert(program.command.begin(), "mpirun");
    return run_verb.run(program);
}

std::optional<size_t> number_of(char const* variable) {
    char const* text = std::getenv(variable);
    if (!text) return std::nullopt;
    Result<size_t> const number = parse_number<size_t>(text);
    return number ? std::optional<size_t>(*number) : std::nullopt;
}

Argument const arguments[] = {{"MPIRUN-WORD", Kind::command, Need::must}};
Option const options[] = {
    {"--spread", nullptr, "K", Kind::number,
        "equal numbers of ranks begin on the K nodes with the most room, neighbours together"},
    {"--best", nullptr, nullptr, Kind::text,
        "each rank begins where it runs fastest: one on each free core, the fastest first"},
    {"--stay", nullptr, nullptr, Kind::text, "no automatic moves: ranks stay where they begin"},
};

} // namespace

int start_mpi_rank(std::vector<std::string> const& command) {
    Given rank;
    rank.verb = &mpirun_verb;
    rank.command = command;
    char const* text = std::getenv(places_variable);
    auto const places = text ? places_of(text) : std::nullopt;
    auto const number = number_of("OMPI_COMM_WORLD_RANK");
    auto const size = number_of("OMPI_COMM_WORLD_SIZE");
    if (command.empty() || !places || !number || !size || *number >= *size)
        return report(
            rank, Trouble{Exit::cannot_start, "this is for mpirun, which 'rove mpirun' starts"});
    rank.options["--on"] = place_of(*places, *number, *size);
    return run_verb.run(rank);
}

Verb const mpirun_verb{"mpirun", "run an MPI job whose ranks can be moved", arguments, options,
    "Becomes the installed mpirun, as 'rove run' would, with all set so that its ranks can be\n"
    "moved. What is behind the options below goes to mpirun as it is:\n\n"
    "    rove mpirun -np 8 ./prog\n"
    "    rove mpirun --spread 2 --stay -np 8 ./prog\n"
    "    rove run --report job.json -- rove mpirun -np 8 ./prog\n\n"
    "All ranks begin here and spread over the nodes as these have room, unless --spread or\n"
    "--best says otherwise; then they begin elsewhere, and go on moving as all programs do.\n"
    "'rove ps' shows where they are, 'rove explain PID' why one is not where you want it.\n\n"
    "Messages go from where one rank is to where the other is, not over shared memory, so jobs\n"
    "that talk all the time are faster on one node. Settings that you make yourself (--mca,\n"
    "OMPI_MCA_...) are kept: with shared memory ranks run, but stay here. -host and -hostfile\n"
    "start ranks on other machines by ssh, outside of Rove: leave them out.\n\n"
    "Exit status: that of mpirun; 125 if Rove cannot start it, 127 if there is no mpirun.",
    run, nullptr, Unknown::begins_command};

} // namespace rove::cli
