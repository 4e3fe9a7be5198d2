// SPDX-License-Identifier: Apache-2.0
// MPI rank: the board is asked where ranks begin, and a rank begins there; see mpi_rank.hh.
#include "cli/mpi_rank.hh"

#include <cstdlib>

#include <fmt/core.h>

#include "base/text.hh"
#include "cli/answer.hh"
#include "cli/parse.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"
#include "client/control.hh"

namespace rove::cli {

namespace {

using client::Asked;
using client::Exit;
using client::Json;
using client::number_field;
using client::text_field;
using client::Trouble;
using client::trouble;

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

std::optional<size_t> number_of(char const* variable) {
    char const* text = std::getenv(variable);
    if (!text) return std::nullopt;
    Result<size_t> const number = parse_number<size_t>(text);
    return number ? std::optional<size_t>(*number) : std::nullopt;
}

Trouble not_for_people() {
    return {Exit::cannot_start, "this is for mpirun, which 'rove mpirun' starts"};
}

// The options of `run`, and one more.
std::vector<Option> options_of_rank() {
    std::vector<Option> all(run_verb.options.begin(), run_verb.options.end());
    all.push_back(
        {"--places", nullptr, "TEXT", Kind::text, "where ranks begin, as .mpi-places says it"});
    return all;
}

} // namespace

Asked<Allotment> allot_now(std::string_view way) {
    Asked<std::vector<Room>> all = rooms();
    if (!all) return tl::unexpected<Trouble>(all.error());
    return allot(way, *all);
}

int print_mpi_places(std::vector<std::string> const& words) {
    Asked<Allotment> given =
        words.size() == 1 ? allot_now(words.front()) : tl::unexpected<Trouble>(not_for_people());
    if (!given) return report(false, mpi_places_word, given.error());
    return print(text_of(*given) + "\n");
}

int start_mpi_rank(std::vector<std::string> const& words) {
    std::vector<Option> const options = options_of_rank();
    Verb verb = mpirun_verb;
    verb.arguments = run_verb.arguments;
    verb.options = options;
    verb.unknown = Unknown::mistake;
    Asked<Given> rank = parse(verb, words);
    if (!rank) return report(false, verb.name, rank.error());
    if (auto const text = rank->value("--places")) {
        auto const places = places_of(*text);
        auto const number = number_of("OMPI_COMM_WORLD_RANK");
        auto const size = number_of("OMPI_COMM_WORLD_SIZE");
        if (!places || !number || !size || *number >= *size) return report(*rank, not_for_people());
        rank->options["--on"] = place_of(*places, *number, *size);
    }
    return run_verb.run(*rank);
}

} // namespace rove::cli
