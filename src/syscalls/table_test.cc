// SPDX-License-Identifier: Apache-2.0
// The table itself: numbers and names agree with the kernel's headers, and with each other.
#include "abi/x86_64/numbers.hh"
#include "syscalls/names.hh"
#include "syscalls/row.hh"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <string>

#include <asm/unistd_64.h>

namespace rove::syscalls {
namespace {

std::map<std::string, unsigned> rows_by_name() {
    std::map<std::string, unsigned> all;
#define ROW(nr, name, who, ...) all[#name] = nr;
#include "syscalls/rows.def"
#undef ROW
    return all;
}

TEST(Table, agrees_with_the_numbers_of_abi) {
#define ROW(nr, name, who, ...) static_assert(abi::nr_##name == nr);
#include "syscalls/rows.def"
#undef ROW
}

TEST(Table, agrees_with_the_kernel_headers) {
    std::ifstream header("/usr/include/x86_64-linux-gnu/asm/unistd_64.h");
    if (!header) header.open("/usr/include/asm/unistd_64.h");
    ASSERT_TRUE(header) << "no kernel headers";
    auto const rows = rows_by_name();
    std::regex const define("#define __NR_(\\w+) (\\d+)");
    std::string line;
    unsigned count = 0;
    while (std::getline(header, line)) {
        std::smatch m;
        if (!std::regex_match(line, m, define)) continue;
        ++count;
        auto const row = rows.find(m[1]);
        ASSERT_NE(row, rows.end()) << m[1] << " has no row";
        EXPECT_EQ(row->second, std::stoul(m[2])) << m[1];
    }
    EXPECT_GT(count, 350u);
}

TEST(Table, every_row_is_sound) {
    for (unsigned nr = 0; nr < rows_max; ++nr) {
        Row const& row = row_of(nr);
        if (row.who == Who::unlisted) continue;
        SCOPED_TRACE(name_of(nr));
        for (unsigned i = 0; i < 6; ++i) {
            Argument const& a = row.args[i];
            EXPECT_TRUE(a.kind != Kind::by_hand || i == 0);
            switch (a.kind) {
            case Kind::in:
            case Kind::out:
            case Kind::out_whole:
            case Kind::in_stream:
            case Kind::out_stream:
            case Kind::in_array:
            case Kind::out_array:
            case Kind::inout_array:
                ASSERT_LT(a.n, 6);
                EXPECT_EQ(row.args[a.n].kind, Kind::val) << "the length of argument " << i;
                break;
            case Kind::out_deref:
                ASSERT_LT(a.n, 6);
                EXPECT_EQ(row.args[a.n].kind, Kind::inout_of);
                EXPECT_EQ(row.args[a.n].size, 4);
                break;
            case Kind::in_of:
            case Kind::out_of:
            case Kind::out_of_nonzero:
            case Kind::inout_of:
            case Kind::inout_always:
            case Kind::inout_on_error:
                EXPECT_GT(a.size, 0);
                break;
            case Kind::none:
            case Kind::val:
            case Kind::fd:
            case Kind::pid:
            case Kind::path:
            case Kind::strings:
            case Kind::by_hand:
                break;
            }
        }
    }
}

TEST(Table, unknown_numbers_are_unlisted) {
    for (unsigned long nr : {337ul, 423ul, 470ul, 511ul, 512ul, 1ul << 40, ~0ul})
        EXPECT_EQ(row_of(nr).who, Who::unlisted);
}

TEST(Names, in_both_directions) {
    EXPECT_EQ(name_of(0), "read");
    EXPECT_EQ(name_of(469), "file_setattr");
    EXPECT_EQ(name_of(400), "");
    EXPECT_EQ(number_of("openat"), 257);
    EXPECT_EQ(number_of("no_such_call"), -1);
    EXPECT_EQ(error_name(2), "ENOENT");
    EXPECT_EQ(error_name(512), "ERESTARTSYS");
    EXPECT_EQ(error_name(99999), "");
}

// With ROVE_WRITE_DOCS it is written first.
void expect_written(char const* name, std::function<std::string(std::string)> const& made) {
    std::string const path = std::string(ROVE_TREE "/") + name;
    auto const read = [&] {
        std::ifstream file(path);
        return std::string{std::istreambuf_iterator<char>(file), {}};
    };
    std::string const wanted = made(read());
    if (getenv("ROVE_WRITE_DOCS")) std::ofstream(path) << wanted;
    EXPECT_EQ(read(), wanted)
        << "write it anew: ROVE_WRITE_DOCS=1 syscalls_test --gtest_filter=Names.*";
}

TEST(Names, documents_are_up_to_date) {
    expect_written("docs/syscalls.md", [](std::string const&) { return document(); });
    expect_written("README.md", [](std::string const& text) {
        std::string const table = short_form();
        size_t const begin = text.find(table.substr(0, table.find('\n')));
        if (begin == std::string::npos) return text + table;
        return text.substr(0, begin) + table + text.substr(text.find("\n\n", begin) + 1);
    });
}

} // namespace
} // namespace rove::syscalls
