// SPDX-License-Identifier: Apache-2.0
// Screen: what standard output can show, and tables that read well on it.
//
// Colour only on a terminal without NO_COLOR, arrows only where the locale is UTF-8, a row no wider
// than the terminal. A table's layout is a pure function of its cells.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rove::cli {

enum class Colour { none, good, doubtful, bad, away, faint };

struct Screen {
    size_t width = 0; // columns; 0 = no limit (a file or a pipe)
    bool terminal = false;
    bool colour = false;
    bool utf8 = false;

    /// Of standard output, from its kind and the environment.
    static Screen of_output();
    char const* arrow() const { return utf8 ? "\xe2\x86\x92" : "->"; }
};

struct Cell {
    std::string text;
    Colour colour = Colour::none;
};

enum class Align { left, right };

struct Column {
    std::string heading;
    Align align;
    bool stretches = false; // the one that is cut when the screen is too narrow; it stands last
};

/// A heading line and one line per row, each ended by a newline.
std::string table_text(Screen const& screen, std::vector<Column> const& columns,
    std::vector<std::vector<Cell>> const& rows);

std::string painted(Screen const& screen, std::string_view text, Colour colour);

/// Valid UTF-8 that does not act on a terminal: control characters, and those that join or turn
/// others, become '?'.
std::string for_terminal(std::string_view text, bool utf8);

} // namespace rove::cli
