// SPDX-License-Identifier: Apache-2.0
// Usage: help texts for an 80 column terminal.
#include "cli/usage.hh"

#include <fmt/core.h>

#include "cli/verbs.hh"

namespace rove::cli {

namespace {

std::string option_words(Option const& option) {
    std::string words = option.brief ? fmt::format("{}, {}", option.brief, option.name)
                                     : fmt::format("    {}", option.name);
    if (option.value) words += fmt::format(" {}", option.value);
    return words;
}

// One row of a two-column list; the sentence goes on below itself.
std::string row(std::string_view left, std::string_view sentence, size_t left_width) {
    std::string text = fmt::format("  {:<{}}", left, left_width);
    size_t column = 2 + left_width;
    if (left.size() >= left_width) {
        text += fmt::format("\n{:{}}", "", column);
    }
    size_t const indent = column;
    while (!sentence.empty()) {
        size_t const end = std::min(sentence.find(' '), sentence.size());
        if (column + end > 79 && column > indent) {
            while (text.back() == ' ')
                text.pop_back();
            text += fmt::format("\n{:{}}", "", indent);
            column = indent;
        }
        text.append(sentence.substr(0, end)).append(" ");
        column += end + 1;
        sentence.remove_prefix(std::min(end + 1, sentence.size()));
    }
    while (text.back() == ' ')
        text.pop_back();
    return text + "\n";
}

// Paragraphs filled to 79 columns; lines that begin with two spaces stay as they are.
std::string filled(std::string_view text) {
    std::string all, paragraph;
    auto const flush = [&] {
        size_t column = 0;
        for (size_t at = 0; at < paragraph.size();) {
            size_t const end = std::min(paragraph.find(' ', at), paragraph.size());
            if (column > 0 && column + 1 + (end - at) > 79) {
                all += '\n';
                column = 0;
            } else if (column > 0) {
                all += ' ';
                column++;
            }
            all.append(paragraph, at, end - at);
            column += end - at;
            at = end + 1;
        }
        if (!paragraph.empty()) all += '\n';
        paragraph.clear();
    };
    while (!text.empty()) {
        size_t const end = std::min(text.find('\n'), text.size());
        std::string_view const line = text.substr(0, end);
        if (line.empty() || line.starts_with("  ")) {
            flush();
            all.append(line).append("\n");
        } else {
            if (!paragraph.empty()) paragraph += ' ';
            paragraph.append(line);
        }
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    flush();
    return all;
}

} // namespace

std::string synopsis(Verb const& verb) {
    std::string text = fmt::format("rove {}", verb.name);
    char const* command = nullptr;
    std::string arguments;
    for (Argument const& argument : verb.arguments) {
        if (argument.kind == Kind::command) {
            command = argument.name;
            continue;
        }
        arguments += argument.need == Need::must ? fmt::format(" {}", argument.name)
                                                 : fmt::format(" [{}]", argument.name);
    }
    if (command) return fmt::format("{}{} [OPTION]... [--] {}...", text, arguments, command);
    return text + arguments + " [OPTION]...";
}

std::string verb_help(Verb const& verb) {
    std::string text = fmt::format("Usage: {}\n\n", synopsis(verb));
    text += filled(verb.text) + "\nOptions:\n";
    for (Option const& option : verb.options)
        text += row(option_words(option), option.sentence, 22);
    text += row(option_words(json_option), json_option.sentence, 22);
    text += row(option_words(help_option), help_option.sentence, 22);
    return text;
}

std::string general_help() {
    std::string text =
        "Usage: rove VERB [ARGUMENT]... [OPTION]...\n\n"
        "Moves running programs between the machines of a cluster, and home again.\n\n"
        "Verbs:\n";
    for (Verb const* verb : all_verbs())
        text += row(verb->name, verb->sentence, 9);
    text += "\n'rove VERB --help' tells more. A first try on one machine:\n"
            "  rove lab up\n"
            "  rove lab run n1 -- rove run -- sleep 600 &\n"
            "  rove lab run n1 -- rove ps\n"
            "  rove lab run n1 -- rove move PID n2\n"
            "  rove lab down\n\n"
            "Exit codes: 0 done, 1 failed and everything is as it was, 2 usage, 3 confined,\n"
            "4 no such process or not yours, 5 the daemon does not answer.\n";
    return text;
}

} // namespace rove::cli
