// SPDX-License-Identifier: Apache-2.0
// Fuzz target: the words of a command line, and texts of others on their way to a terminal.
// uses: base sys client cli/parse cli/screen cli/width
#include <cstdlib>

#include "base/text.hh"
#include "cli/parse.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"

using namespace rove;

// Verbs of all shapes. The real table would bring the whole command line with it.
namespace rove::cli {
Option const json_option{"--json", nullptr, nullptr, Kind::text, ""};
Option const help_option{"--help", "-h", nullptr, Kind::text, ""};
} // namespace rove::cli

namespace {
using cli::Kind;
using cli::Need;

constexpr cli::Option options[] = {{"--to", "-t", "NODE", Kind::place, ""},
    {"--watch", "-w", nullptr, Kind::text, ""}, {"--every", nullptr, "S", Kind::number, ""}};
constexpr cli::Argument command[] = {{"COMMAND", Kind::command, Need::must}};
constexpr cli::Argument two[] = {{"PID", Kind::pid, Need::must}, {"NODE", Kind::node, Need::may}};
constexpr cli::Verb verbs[] = {{"run", "", command, options, "", nullptr},
    {"move", "", two, options, "", nullptr}, {"ps", "", {}, options, "", nullptr}};

void expect(bool good) {
    if (!good) std::abort();
}

void take(cli::Verb const& verb, std::vector<std::string> const& words) {
    (void)cli::wants_json(verb, words);
    auto given = cli::parse(verb, words);
    if (!given || given->has("--help")) return;
    expect(given->arguments.size() <= verb.arguments.size());
    if (&verb == &verbs[0]) expect(!given->command.empty());
    if (&verb == &verbs[1]) expect(!given->arguments.empty());
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string_view text(reinterpret_cast<char const*>(bytes), size);
    std::vector<std::string> words;
    for (std::string_view word : split(text, '\n'))
        words.emplace_back(word);
    for (cli::Verb const& verb : verbs)
        take(verb, words);
    for (bool utf8 : {false, true}) {
        std::string const shown = cli::for_terminal(text, utf8);
        for (unsigned char c : shown)
            expect(c >= 0x20 && c != 0x7f);
        cli::Screen const screen{40, true, true, utf8};
        (void)cli::table_text(screen,
            {{"PID", cli::Align::right}, {"WHAT", cli::Align::left, true}},
            {{{"1", cli::Colour::good}, {shown, cli::Colour::none}}});
    }
    return 0;
}
