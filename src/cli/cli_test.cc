// SPDX-License-Identifier: Apache-2.0
// Tests of the command line's pure parts: parsing by the table, figures, tables, the manual.
#include <gtest/gtest.h>

#include "cli/answer.hh"
#include "cli/figures.hh"
#include "cli/figures_text.hh"
#include "cli/manual.hh"
#include "cli/parse.hh"
#include "cli/screen.hh"
#include "cli/usage.hh"
#include "cli/verbs.hh"

namespace rove::cli {
namespace {

TEST(Parse, options_stand_before_and_after_arguments) {
    for (auto const& words : std::vector<std::vector<std::string>>{
             {"--all", "12", "n2"}, {"12", "--all", "n2"}, {"12", "n2", "--all"}}) {
        auto given = parse(move_verb, words);
        ASSERT_TRUE(given) << given.error().sentence;
        EXPECT_TRUE(given->has("--all"));
        EXPECT_EQ(given->arguments, (std::vector<std::string>{"12", "n2"}));
    }
}

TEST(Parse, first_non_option_starts_the_command) {
    auto given = parse(run_verb, {"--on", "n2", "ls", "--stay", "--json"});
    ASSERT_TRUE(given);
    EXPECT_EQ(given->value("--on"), "n2");
    EXPECT_FALSE(given->has("--stay"));
    EXPECT_FALSE(given->json);
    EXPECT_EQ(given->command, (std::vector<std::string>{"ls", "--stay", "--json"}));
    given = parse(run_verb, {"--stay", "--", "--odd", "--"});
    ASSERT_TRUE(given);
    EXPECT_EQ(given->command, (std::vector<std::string>{"--odd", "--"}));
}

TEST(Parse, what_is_none_of_ours_begins_the_words_of_mpirun) {
    auto given = parse(mpirun_verb, {"--stay", "--spread", "2", "-np", "4", "./prog", "--best"});
    ASSERT_TRUE(given);
    EXPECT_TRUE(given->has("--stay"));
    EXPECT_EQ(given->value("--spread"), "2");
    EXPECT_FALSE(given->has("--best"));
    EXPECT_EQ(given->command, (std::vector<std::string>{"-np", "4", "./prog", "--best"}));
    given = parse(mpirun_verb, {"--stay", "--", "--best", "./prog"});
    ASSERT_TRUE(given);
    EXPECT_EQ(given->command, (std::vector<std::string>{"--best", "./prog"}));
    given = parse(mpirun_verb, {"--json", "--version"});
    ASSERT_TRUE(given);
    EXPECT_TRUE(given->json);
    EXPECT_EQ(given->command, (std::vector<std::string>{"--version"}));
    given = parse(mpirun_verb, {"--help"});
    ASSERT_TRUE(given);
    EXPECT_TRUE(given->has("--help"));
}

TEST(Parse, mistakes_are_usage_errors) {
    std::vector<std::pair<Verb const*, std::vector<std::string>>> const mistakes{
        {&move_verb, {"12"}}, {&move_verb, {}}, {&move_verb, {"1", "n2", "n3"}},
        {&move_verb, {"1", "n2", "--freeze"}}, {&run_verb, {}}, {&run_verb, {"--on"}},
        {&run_verb, {"--cpu-baseline"}}, {&ps_verb, {"--wat"}}, {&ps_verb, {"x"}}};
    for (auto const& [verb, words] : mistakes) {
        auto given = parse(*verb, words);
        ASSERT_FALSE(given) << verb->name;
        EXPECT_EQ(given.error().code, Exit::usage);
    }
}

TEST(Pid, with_and_without_a_home) {
    for (char const* good : {"1", "12345", "n1:7"})
        EXPECT_TRUE(is_pid(good)) << good;
    for (char const* bad : {"", "0", "-1", "x", ":1", "n1:", "99999999999", "1x"})
        EXPECT_FALSE(is_pid(bad)) << bad;
}

TEST(Figures, read_well) {
    EXPECT_EQ(human_bytes(8.2 * 1024 * 1024), "8.2 MB");
    EXPECT_EQ(human_bytes(1023.99 * 1024), "1.0 MB");
    EXPECT_EQ(human_bytes({}), "-");
    EXPECT_EQ(human_ms(34), "34 ms");
    EXPECT_EQ(human_ms(0.44), "0.4 ms");
    EXPECT_EQ(human_ms(307'000), "5:07");
    EXPECT_EQ(cpu_time(3723), "1:02:03");
    EXPECT_EQ(at_most(0.5, 2), "0.5");
    EXPECT_EQ(at_most(20, 2), "20");
    EXPECT_EQ(figures_text(*client::parse_json(R"({"load":2.5,"free_bytes":1048576})")),
        "load 2.5, free 1.0 MB");
}

TEST(Screen, table_fits_and_is_aligned) {
    Screen screen;
    screen.width = 20;
    std::string const text = table_text(screen, {{"PID", Align::right}, {"CMD", Align::left, true}},
        {{{"7"}, {"short"}}, {{"12345"}, {"a very long command line"}}});
    EXPECT_EQ(text, "  PID CMD\n    7 short\n12345 a very long c+\n");
}

TEST(Screen, nothing_acts_on_the_terminal) {
    EXPECT_EQ(for_terminal("a\033[2Jb\n", true), "a?[2Jb?");
    EXPECT_EQ(for_terminal("\xc2\x9b", true), "?");
    EXPECT_EQ(for_terminal("\xff", true), "\xef\xbf\xbd");
}

TEST(Manual, every_verb_and_option_is_in_all) {
    std::string const bash = bash_completion(), zsh = zsh_completion(), fish = fish_completion();
    std::string const general = general_page("1");
    EXPECT_NE(daemon_page("1").find("*--config* FILE"), std::string::npos);
    for (Verb const* verb : all_verbs()) {
        std::string const page = verb_page(*verb), help = verb_help(*verb);
        for (std::string const* text : {&bash, &zsh, &fish, &general})
            EXPECT_NE(text->find(verb->name), std::string::npos) << verb->name;
        for (Option const& option : verb->options) {
            for (std::string const* text : {&bash, &zsh, &page, &help})
                EXPECT_NE(text->find(option.name), std::string::npos) << option.name;
            EXPECT_NE(fish.find(std::string("-l ") + (option.name + 2)), std::string::npos)
                << option.name;
        }
    }
}

TEST(Usage, fits_eighty_columns) {
    for (Verb const* verb : all_verbs()) {
        std::string text = verb_help(*verb);
        for (size_t at = 0; at < text.size();) {
            size_t const end = text.find('\n', at);
            EXPECT_LE(end - at, 80u) << text.substr(at, end - at);
            at = end + 1;
        }
    }
}

} // namespace
} // namespace rove::cli
