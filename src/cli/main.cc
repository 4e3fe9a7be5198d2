// SPDX-License-Identifier: Apache-2.0
// rove: the command line. Finds the verb, parses its words, runs it.
#include "cli/answer.hh"
#include "cli/manual.hh"
#include "cli/mpi_rank.hh"
#include "cli/parse.hh"
#include "cli/screen.hh"
#include "cli/usage.hh"
#include "cli/verbs.hh"

#include <fmt/core.h>

#ifndef ROVE_VERSION
#define ROVE_VERSION "0.1.0"
#endif

namespace rove::cli {
namespace {

int no_verb(bool json, std::string sentence) {
    return report(json, "", Trouble{Exit::usage, std::move(sentence)});
}

int help(std::vector<std::string> const& words, bool json) {
    if (words.empty()) return print(general_help());
    Verb const* verb = find_verb(words.front());
    if (!verb)
        return no_verb(json, fmt::format("there is no verb '{}'; see 'rove help'",
                                 for_terminal(words.front(), true)));
    return print(verb_help(*verb));
}

int run_verb_of(Verb const& verb, std::vector<std::string> const& words, bool json) {
    bool const as_json = json || wants_json(verb, words);
    Asked<Given> given = parse(verb, words);
    if (!given) return report(as_json, verb.name, given.error());
    if (given->has("--help")) return print(verb_help(verb));
    given->json = as_json;
    return verb.run(*given);
}

int rove_main(int argc, char** argv) {
    int at = 1;
    bool json = false;
    for (; at < argc && argv[at][0] == '-'; at++) {
        std::string const word = argv[at];
        if (word == "--json")
            json = true;
        else if (word == "--help" || word == "-h")
            return print(general_help());
        else if (word == "--version")
            return print("rove " ROVE_VERSION "\n");
        else
            return no_verb(json,
                fmt::format("there is no option '{}'; see 'rove help'", for_terminal(word, true)));
    }
    if (at == argc) return no_verb(json, "a verb is missing; see 'rove help'");

    std::string const name = argv[at];
    std::vector<std::string> const words(argv + at + 1, argv + argc);
    if (name == "help") return help(words, json);
    if (name == manual_word) return write_manual(words);
    if (name == mpi_rank_word) return start_mpi_rank(words);
    if (name == mpi_places_word) return print_mpi_places(words);
    Verb const* verb = find_verb(name);
    if (!verb)
        return no_verb(
            json, fmt::format("there is no verb '{}'; see 'rove help'", for_terminal(name, true)));
    if (verb->raw) return verb->raw(argc - at, argv + at);
    return run_verb_of(*verb, words, json);
}

} // namespace
} // namespace rove::cli

int main(int argc, char** argv) {
    return rove::cli::rove_main(argc, argv);
}
