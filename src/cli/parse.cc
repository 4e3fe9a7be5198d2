// SPDX-License-Identifier: Apache-2.0
// Parse: CLI11 does it, from the table; its exceptions end here.
#include "cli/parse.hh"

#include <algorithm>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "cli/verbs.hh"

namespace rove::cli {

using client::Asked;
using client::Exit;
using client::trouble;

namespace {

bool takes_command(Verb const& verb) {
    return !verb.arguments.empty() && verb.arguments.back().kind == Kind::command;
}

Option const* find_option(Verb const& verb, std::string_view word) {
    auto const is_it = [word](Option const& option) {
        return word == option.name || (option.brief && word == option.brief);
    };
    for (Option const& option : verb.options)
        if (is_it(option)) return &option;
    for (Option const* option : {&json_option, &help_option})
        if (is_it(*option)) return option;
    return nullptr;
}

// How many of the words belong to the verb itself; the command begins behind them.
size_t own_words(Verb const& verb, std::vector<std::string> const& words) {
    size_t before = verb.arguments.size() - 1; // arguments that stand before the command
    for (size_t i = 0; i < words.size(); i++) {
        if (words[i] == "--") return i;
        if (words[i].size() < 2 || words[i][0] != '-') {
            if (before-- == 0) return i;
            continue;
        }
        Option const* option = find_option(verb, words[i]);
        if (!option && verb.unknown == Unknown::begins_command) return i;
        if (option && option->value) i++;
    }
    return words.size();
}

std::string hint(Verb const& verb) {
    return fmt::format("; see 'rove {} --help'", verb.name);
}

Asked<bool> check_counts(Verb const& verb, Given const& given) {
    size_t at = 0;
    for (Argument const& argument : verb.arguments) {
        bool const there =
            argument.kind == Kind::command ? !given.command.empty() : at++ < given.arguments.size();
        if (!there && argument.need == Need::must)
            return trouble(Exit::usage, fmt::format("{} is missing{}", argument.name, hint(verb)));
    }
    if (given.arguments.size() > at)
        return trouble(Exit::usage,
            fmt::format("'{}' is one argument too many{}", given.arguments[at], hint(verb)));
    return true;
}

} // namespace

bool wants_json(Verb const& verb, std::vector<std::string> const& words) {
    size_t const own = takes_command(verb) ? own_words(verb, words) : words.size();
    auto const end = std::find(words.begin(), words.begin() + static_cast<long>(own), "--");
    return std::find(words.begin(), end, json_option.name) != end;
}

Asked<Given> parse(Verb const& verb, std::vector<std::string> const& words) {
    Given given;
    given.verb = &verb;
    std::vector<std::string> own = words;
    if (takes_command(verb)) {
        size_t const count = own_words(verb, words);
        own.resize(count);
        size_t const skip = count < words.size() && words[count] == "--" ? 1 : 0;
        given.command.assign(words.begin() + static_cast<long>(count + skip), words.end());
    }

    std::vector<std::string> values(verb.options.size());
    CLI::App app;
    std::vector<CLI::Option*> found; // the app's
    bool help = false;
    std::reverse(own.begin(), own.end()); // CLI11 takes its words from the back
    try {
        app.set_help_flag();
        app.add_flag("--json", given.json);
        app.add_flag("-h,--help", help);
        app.add_option("ARGUMENTS", given.arguments)->expected(0, 1 << 20);
        for (size_t i = 0; i < verb.options.size(); i++) {
            Option const& option = verb.options[i];
            std::string const names =
                option.brief ? fmt::format("{},{}", option.brief, option.name) : option.name;
            found.push_back(option.value ? app.add_option(names, values[i]) : app.add_flag(names));
            // An option stands for itself alone: "-wx" or "--wat" are mistakes.
            if (option.value) found.back()->take_last()->allow_extra_args(false);
        }
        app.parse(std::move(own));
    } catch (CLI::ParseError const& error) {
        if (help || std::find(words.begin(), words.end(), "--help") != words.end()) {
            given.options["--help"];
            return given;
        }
        std::string text = error.what();
        if (!text.empty() && text.back() == '.') text.pop_back();
        return trouble(Exit::usage, text + hint(verb));
    } catch (std::exception const& error) {
        return trouble(Exit::usage, std::string(error.what()) + hint(verb));
    }
    for (size_t i = 0; i < found.size(); i++)
        if (found[i]->count() > 0) given.options[verb.options[i].name] = values[i];
    if (help) {
        given.options["--help"];
        return given;
    }
    if (Asked<bool> counted = check_counts(verb, given); !counted)
        return tl::unexpected<client::Trouble>(counted.error());
    return given;
}

} // namespace rove::cli
