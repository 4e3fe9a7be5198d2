// SPDX-License-Identifier: Apache-2.0
// Tests of `rove top` without a terminal: what is read, what keys do, and what is drawn.
#include <gtest/gtest.h>

#include "cli/top/draw.hh"
#include "cli/top/tables.hh"
#include "cli/width.hh"

namespace rove::cli::top {
namespace {

Json json(std::string const& text) {
    auto value = client::parse_json(text);
    EXPECT_TRUE(value) << text;
    return value ? *value : Json();
}

std::string node_json(std::string const& name, std::string const& load = "0.5") {
    return R"({"name":")" + name + R"(","address":"10.0.0.1","state":"up","load":)" + load +
           R"(,"cores":2,"speed":1,"memory_total_bytes":1073741824,"memory_free_bytes":536870912,)"
           R"("guests":1,"age_ms":300,"auto":true})";
}
std::string process_json(int pid, std::string const& host = "n1", double cpu = 1,
    std::string const& command = "sleep 5") {
    return R"({"pid":)" + std::to_string(pid) +
           R"(,"user":"root","state":"home","home":"n1","host":")" + host + R"(","cpu_seconds":)" +
           std::to_string(cpu) + R"(,"memory_bytes":)" + std::to_string(pid * 1000) +
           R"(,"moves":0,"reason":null,"reason_text":null,"stopped":false,"locked":false,"command":)" +
           client::print_json(Json(command)) + "}";
}
std::string list(std::vector<std::string> const& items) {
    std::string text = "[";
    for (auto const& item : items)
        text += (text.size() > 1 ? "," : "") + item;
    return text + "]";
}

Board board_of(std::vector<std::string> const& nodes, std::vector<std::string> const& processes,
    bool utf8 = true) {
    return Watcher(utf8).look(json(list(nodes)), json(list(processes)), 1);
}
View view_of(std::vector<std::string> const& nodes, std::vector<std::string> const& processes,
    bool utf8 = true) {
    View view;
    view.take(board_of(nodes, processes, utf8));
    return view;
}
std::optional<Wish> type(View& view, std::string_view letters) {
    std::optional<Wish> wish;
    for (char letter : letters)
        wish = view.press({Key::letter, letter});
    return wish;
}
std::string picture(View& view, Size size, Surroundings around = {}) {
    around.looked = true;
    size_t first = 0;
    std::string text;
    for (Line const& line : draw(view, around, size, first))
        text += line.text() + "\n";
    return text;
}
bool shows(std::string const& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

TEST(Width, wide_and_joining_characters) {
    EXPECT_EQ(text_width("abc"), 3u);
    EXPECT_EQ(text_width("\xc3\xa4"), 1u);         // ä
    EXPECT_EQ(text_width("\xe6\xbc\xa2"), 2u);     // a Han character
    EXPECT_EQ(text_width("\xf0\x9f\x98\x80"), 2u); // a face
    EXPECT_EQ(text_width("e\xcc\x81"), 1u);        // e and its accent
    EXPECT_EQ(cut_text("\xe6\xbc\xa2\xe5\xad\x97", 3, true), "\xe6\xbc\xa2\xe2\x80\xa6");
    EXPECT_EQ(cut_text("\xe6\xbc\xa2\xe5\xad\x97", 2, true), "\xe2\x80\xa6");
    EXPECT_EQ(cut_text("abcdef", 3, false), "ab+");
    EXPECT_EQ(cut_text("abc", 0, true), "");
}
TEST(Width, what_acts_on_a_terminal_is_shown_as_a_question_mark) {
    EXPECT_EQ(for_terminal("a\xe2\x80\xae"
                           "b",
                  true),
        "a?b"); // right to left from here
    EXPECT_EQ(for_terminal("a\xe2\x80\x8b"
                           "b",
                  true),
        "a?b"); // no width at all
    EXPECT_EQ(for_terminal("\xe6\xbc\xa2", false), "?");
}

TEST(Bar, fills_by_eighths) {
    EXPECT_EQ(bar_of(0.5, 4, false).full, "##");
    EXPECT_EQ(bar_of(0.5, 4, false).empty, "..");
    EXPECT_EQ(bar_of(1.0, 2, true).full, "\xe2\x96\x88\xe2\x96\x88");
    EXPECT_EQ(bar_of(1.0 / 16, 2, true).full, "\xe2\x96\x8f"); // an eighth of the first
    EXPECT_EQ(bar_of(1.0 / 16, 2, true).empty, "\xc2\xb7");
    EXPECT_EQ(bar_of(std::nullopt, 3, true).empty, "   ");
    for (double odd : {-1.0, 7.0, 1e300, 0.0}) {
        Bar const bar = bar_of(odd, 5, true);
        EXPECT_EQ(text_width(bar.full + bar.empty), 5u) << odd;
    }
}
TEST(Bar, scale_holds_the_most_loaded_node) {
    EXPECT_EQ(load_scale(board_of({node_json("n1", "0.2")}, {}).nodes), 1);
    EXPECT_EQ(load_scale(board_of({node_json("n1", "3.2"), node_json("n2")}, {}).nodes), 4);
    EXPECT_GE(load_scale(board_of({node_json("n1", "1e300")}, {}).nodes), 1e6);
}
TEST(Wrap, between_words_where_it_can) {
    EXPECT_EQ(wrap("one two three", 8), (std::vector<std::string>{"one two", "three"}));
    EXPECT_EQ(wrap("abcdefgh", 3), (std::vector<std::string>{"abc", "def", "gh"}));
    EXPECT_EQ(wrap("\xe6\xbc\xa2", 1).size(), 1u);
    EXPECT_TRUE(wrap("", 5).empty());
}

TEST(Watcher, cpu_by_two_looks_and_places_that_changed) {
    Watcher watcher(true);
    Json const nodes = json("[]");
    Board first = watcher.look(nodes, json(list({process_json(7, "n1", 1)})), 10);
    EXPECT_FALSE(first.processes[0].cpu);
    EXPECT_FALSE(first.processes[0].fresh);
    Board second = watcher.look(nodes, json(list({process_json(7, "n2", 2)})), 12);
    EXPECT_DOUBLE_EQ(second.processes[0].cpu.value(), 0.5);
    EXPECT_TRUE(second.processes[0].fresh);
    EXPECT_EQ(second.processes[0].key, "n1:7");
    Board third = watcher.look(nodes, json(list({process_json(7, "n2", 1)})), 13);
    EXPECT_EQ(third.processes[0].cpu.value(), 0);
}
TEST(Watcher, unknown_values_stay_unknown) {
    char const* bare = R"([{"name":"n3","state":"dead","load":null},{}, 5, null])";
    View view;
    view.take(Watcher(true).look(json(bare), json(R"([{"pid":null},{},"x"])"), 1));
    std::string const text = picture(view, {100, 24, true});
    EXPECT_TRUE(shows(text, "n3"));
    EXPECT_TRUE(shows(text, "dead"));
    EXPECT_FALSE(shows(text, "nan"));
    EXPECT_EQ(view.board().processes.size(), 3u);
}

TEST(Sorting, largest_first_and_unknown_last) {
    auto rows = board_of({}, {process_json(1), process_json(30), process_json(2)}).processes;
    rows[0].memory.reset();
    for (Order order : {Order::usual, Order::reversed}) {
        sort_processes(rows, Sort::memory, order);
        EXPECT_EQ(rows.back().pid, 1) << "unknown";
        EXPECT_EQ(rows.front().pid, order == Order::usual ? 30 : 2);
    }
    sort_processes(rows, Sort::pid, Order::usual);
    EXPECT_EQ(rows.front().pid, 1);
}
TEST(Keys, the_cursor_stays_on_its_process) {
    View view = view_of({node_json("n1")}, {process_json(1), process_json(2), process_json(3)});
    (void)view.press({Key::last});
    std::string const key = view.selected()->key;
    (void)type(view, "o");
    EXPECT_EQ(view.selected()->key, key);
    view.take(board_of(
        {node_json("n1")}, {process_json(9), process_json(1), process_json(2), process_json(3)}));
    EXPECT_EQ(view.selected()->key, key);
    view.take(board_of({}, {}));
    EXPECT_EQ(view.selected(), nullptr);
    EXPECT_FALSE(type(view, "lmM"));
    EXPECT_FALSE(view.prompt);
}
TEST(Keys, move_by_name_by_beginning_and_by_choice) {
    std::vector<std::string> const nodes{node_json("n1"), node_json("n2"), node_json("n30")};
    View view = view_of(nodes, {process_json(7)});
    auto wish = type(view, "m");
    ASSERT_TRUE(view.prompt);
    (void)type(view, "n30");
    wish = view.press({Key::enter});
    ASSERT_TRUE(wish);
    EXPECT_EQ(wish->pid, "n1:7");
    EXPECT_EQ(wish->to, "n30");
    EXPECT_FALSE(wish->all);
    EXPECT_FALSE(view.prompt);
    (void)type(view, "Mb");
    (void)view.press({Key::tab});
    EXPECT_EQ(view.prompt->typed, "best");
    wish = view.press({Key::enter});
    ASSERT_TRUE(wish);
    EXPECT_EQ(wish->to, "best");
    EXPECT_TRUE(wish->all);
    (void)type(view, "m");
    (void)view.press({Key::right});
    wish = view.press({Key::enter});
    ASSERT_TRUE(wish);
    EXPECT_EQ(wish->to, "n30"); // n1 is where it is
    (void)type(view, "mxyz");
    EXPECT_EQ(view.prompt->answer(), "xyz");
    (void)view.press({Key::escape});
    EXPECT_FALSE(view.prompt);
    (void)type(view, "mq"); // a letter of the answer, not a key
    EXPECT_FALSE(view.ended);
}
TEST(Keys, lock_and_unlock) {
    View view = view_of({}, {process_json(7)});
    EXPECT_EQ(type(view, "l")->what, Wish::What::stay);
    Board locked = view.board();
    locked.processes[0].locked = true;
    view.take(locked);
    EXPECT_EQ(type(view, "l")->what, Wish::What::roam);
}
TEST(Keys, help_goes_with_the_next_key) {
    View view = view_of({}, {});
    (void)type(view, "h");
    EXPECT_TRUE(shows(picture(view, {80, 24, true}), "quit"));
    (void)type(view, "x");
    EXPECT_FALSE(view.help);
    (void)type(view, "hq");
    EXPECT_TRUE(view.ended);
}

// Every picture has its size, whatever is in it.
void expect_fits(View& view, Surroundings const& around, bool utf8) {
    for (size_t width = 40; width <= 300; width += 13)
        for (size_t height : {1u, 2u, 5u, 10u, 17u, 24u, 50u, 100u}) {
            size_t first = 0;
            auto const lines = draw(view, around, {width, height, utf8}, first);
            ASSERT_EQ(lines.size(), height);
            for (Line const& line : lines) {
                std::string const text = line.text();
                ASSERT_LE(text_width(text), width) << text;
                for (char c : text) {
                    auto const byte = static_cast<unsigned char>(c);
                    ASSERT_TRUE(byte >= ' ' && byte != 127 && (utf8 || byte < 128)) << text;
                }
            }
        }
}
TEST(Draw, fits_any_screen) {
    std::vector<std::string> nodes, processes;
    for (int i = 1; i <= 100; ++i)
        nodes.push_back(node_json("n" + std::to_string(i), std::to_string(i % 7)));
    char const* hostile[] = {"\033[2J\033]0;gone\007", "a\nb\rc\td\x7f\x01", "\xff\xfe\x80",
        "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97",
        "\xe2\x80\xae"
        "txt.exe",
        "\xc2\x9b"
        "31m",
        "e\xcc\x81\xcc\x81\xcc\x81", "\xf0\x9f\x98\x80\xf0\x9f\x98\x80"};
    for (int i = 1; i <= 500; ++i)
        processes.push_back(process_json(
            i, "n2", i, std::string(static_cast<size_t>(i % 400), 'x') + hostile[i % 8]));
    Surroundings around;
    around.looked = true;
    around.time = "12:34:56";
    around.node = "n1";
    for (int i = 0; i < 20; ++i)
        around.events.push_back(json(R"({"time":1700000000.5,"node":"n1","event":"move","pid":7,)"
                                     R"("from":"n1","to":"n2","figures":{"bytes":1e300}})"));
    for (bool utf8 : {true, false})
        for (View view : {View(), view_of({node_json("n1")}, {process_json(1)}, utf8),
                 view_of(nodes, processes, utf8)}) {
            around.trouble.clear();
            expect_fits(view, around, utf8);
            view.message = {std::string(500, 'y') + " " + hostile[0], Colour::bad};
            around.trouble = std::string(300, 'z');
            expect_fits(view, around, utf8);
            around.trouble.clear();
            (void)type(view, "m");
            (void)type(view, "zzz");
            expect_fits(view, around, utf8);
            (void)view.press({Key::escape});
            (void)type(view, "h");
            expect_fits(view, around, utf8);
            (void)type(view, "x");
        }
}
TEST(Draw, the_cursor_is_always_seen) {
    std::vector<std::string> processes;
    for (int i = 1; i <= 500; ++i)
        processes.push_back(process_json(i));
    View view = view_of({node_json("n1")}, processes);
    Surroundings around;
    around.looked = true;
    size_t first = 0;
    for (Key key : {Key::page_down, Key::last, Key::up, Key::first, Key::page_down, Key::page_up}) {
        (void)view.press({key});
        size_t marked = 0;
        for (Line const& line : draw(view, around, {80, 24, true}, first))
            marked += !line.pieces().empty() && line.pieces()[0].look.marked;
        EXPECT_EQ(marked, 1u);
    }
}
TEST(Draw, says_what_matters) {
    View view = view_of({node_json("n1", "1.25"), node_json("n2")}, {process_json(42, "n2")});
    Surroundings around;
    around.events.push_back(json(
        R"({"time":1.5,"node":"n1","event":"move","pid":42,"from":"n1","to":"n2","figures":{}})"));
    std::string text = picture(view, {80, 24, true}, around);
    for (char const* part : {"n1\xe2\x86\x92n2", "1.25", "512 MB of 1.0 GB", "sleep 5", "42",
             "LOAD 0..2", "2 of 2 nodes up, 1 process, 1 away", "move  "})
        EXPECT_TRUE(shows(text, part)) << part << "\n" << text;
    around.trouble = "roved does not answer";
    view.message = {"42 n1 to n2: done", Colour::good};
    text = picture(view, {80, 24, true}, around);
    EXPECT_TRUE(shows(text, around.trouble));
    EXPECT_TRUE(shows(text, view.message.text));
}
TEST(Draw, of_too_many_nodes_the_most_loaded_are_shown) {
    std::vector<std::string> nodes;
    for (int i = 1; i <= 60; ++i)
        nodes.push_back(node_json("n" + std::to_string(i), i == 33 ? "3.5" : "0.1"));
    View view = view_of(nodes, {});
    std::string const text = picture(view, {80, 24, true});
    EXPECT_TRUE(shows(text, "n33 "));
    EXPECT_TRUE(shows(text, "less loaded ones"));
}

} // namespace
} // namespace rove::cli::top
