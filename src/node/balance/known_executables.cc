// SPDX-License-Identifier: Apache-2.0
// Known executables: writing and reading.
#include "node/balance/known_executables.hh"

#include <charconv>

#include <fmt/format.h>

#include "base/text.hh"

namespace rove::node {

namespace {

std::string number_or_dash(double number, bool known) {
    return known ? fmt::format("{:.6g}", number) : "-";
}

// Whether there is one; what is neither a number nor "-" makes the line none.
bool read_number(std::string_view word, double& number, bool& makes_sense) {
    if (word == "-") return false;
    auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    makes_sense = makes_sense && error == std::errc() && end == word.data() + word.size();
    return makes_sense;
}

} // namespace

// Names are the users': one with a line break in it would be two lines.
std::string known_executables_text(policy::Experience const& experience) {
    std::string text;
    for (auto const& [name, known] : experience.all())
        if (name.find('\n') == std::string::npos)
            text += fmt::format("{:.6g} {:.6g} {} {} {}\n", known.runs, known.cpu_s,
                number_or_dash(known.demand, known.demand_known),
                number_or_dash(known.calls, known.calls_known), name);
    return text;
}

void recall_known_executables(policy::Experience& experience, std::string_view text) {
    for (std::string_view line : lines(text)) {
        constexpr size_t numbers = 4;
        std::string_view fields[numbers];
        size_t found = 0;
        for (; found < numbers; ++found) {
            size_t space = line.find(' ');
            if (space == std::string_view::npos) break;
            fields[found] = line.substr(0, space);
            line.remove_prefix(space + 1);
        }
        if (found < numbers || line.empty()) continue;
        policy::Expected known;
        bool makes_sense = true;
        bool counted = read_number(fields[0], known.runs, makes_sense) &&
                       read_number(fields[1], known.cpu_s, makes_sense);
        known.demand_known = read_number(fields[2], known.demand, makes_sense);
        known.calls_known = read_number(fields[3], known.calls, makes_sense);
        if (counted && makes_sense) experience.recall(std::string(line), known);
    }
}

} // namespace rove::node
