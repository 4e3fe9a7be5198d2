// SPDX-License-Identifier: Apache-2.0
// Verb: one word of the command line, described as data: the parser, `--help`, the manual pages and
// the shell completions all read the same description.
//
// Each verb has one file with its description and its run(). Descriptions are constants, so that
// starting `rove run` constructs nothing of the other verbs.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rove::cli {

/// What a value is: completion offers such values.
enum class Kind { text, pid, node, place, host, file, command, node_verb, number, size, lab_verb };

struct Option {
    char const* name;     // "--watch"
    char const* brief;    // "-w", or null
    char const* value;    // how help calls its value ("NODE|best|home"), or null for a flag
    Kind kind;            // of the value
    char const* sentence; // for help and the manual
};

enum class Need { must, may };

struct Argument {
    char const* name; // "PID"; a Kind::command takes all the rest of the line
    Kind kind;
    Need need;
};

struct Verb;

/// What a word is that looks like an option and is none of the verb's.
enum class Unknown { mistake, begins_command };

/// What was typed, already checked against the description.
struct Given {
    Verb const* verb = nullptr;
    bool json = false;
    std::map<std::string, std::string, std::less<>> options; // by name; a flag's value is empty
    std::vector<std::string> arguments;
    std::vector<std::string> command; // the rest, for Kind::command

    bool has(std::string_view name) const { return options.find(name) != options.end(); }
    std::optional<std::string> value(std::string_view name) const {
        auto const found = options.find(name);
        if (found == options.end()) return std::nullopt;
        return found->second;
    }
};

struct Verb {
    char const* name;
    char const* sentence; // one line, lower case, no full stop
    std::span<Argument const> arguments;
    std::span<Option const> options; // without --json and --help, which every verb has
    char const* text;                // paragraphs for help and the manual; a line that begins with
                                     // four spaces is an example
    int (*run)(Given const& given);
    int (*raw)(int argc, char** argv) = nullptr; // parses for itself (lab)
    Unknown unknown = Unknown::mistake;
};

} // namespace rove::cli
