// SPDX-License-Identifier: Apache-2.0
// Screen: terminal facts and table layout; see screen.hh.
#include "cli/screen.hh"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/width.hh"
#include "client/json.hh"

namespace rove::cli {

namespace {

bool locale_is_utf8() {
    for (char const* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        char const* value = std::getenv(name);
        if (!value || !*value) continue;
        return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

char const* colour_code(Colour colour) {
    switch (colour) {
    case Colour::none:
        return "";
    case Colour::good:
        return "\033[32m";
    case Colour::doubtful:
        return "\033[33m";
    case Colour::bad:
        return "\033[31m";
    case Colour::away:
        return "\033[36m";
    case Colour::faint:
        return "\033[2m";
    }
    return "";
}

} // namespace

Screen Screen::of_output() {
    Screen screen;
    screen.utf8 = locale_is_utf8();
    screen.terminal = isatty(STDOUT_FILENO);
    if (!screen.terminal) return screen;
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) screen.width = size.ws_col;
    char const* no_colour = std::getenv("NO_COLOR");
    char const* kind = std::getenv("TERM");
    screen.colour = !(no_colour && *no_colour) && kind && *kind && std::strcmp(kind, "dumb") != 0;
    return screen;
}

std::string for_terminal(std::string_view text, bool utf8) {
    std::string clean = client::valid_utf8(text);
    std::string shown;
    for (std::string_view rest = clean; !rest.empty();) {
        Decoded const next = first_char(rest);
        char32_t const c = next.character;
        // C1 control characters lie above those of ASCII.
        bool const acts = c < 0x20 || (c >= 0x7f && c < 0xa0) || char_width(c) == 0;
        if (acts || (c >= 0x80 && !utf8))
            shown += '?';
        else
            shown += rest.substr(0, next.bytes);
        rest.remove_prefix(next.bytes);
    }
    return shown;
}

std::string painted(Screen const& screen, std::string_view text, Colour colour) {
    if (!screen.colour || colour == Colour::none) return std::string(text);
    return std::string(colour_code(colour)).append(text).append("\033[0m");
}

std::string table_text(Screen const& screen, std::vector<Column> const& columns,
    std::vector<std::vector<Cell>> const& rows) {
    std::vector<size_t> widths;
    for (Column const& column : columns)
        widths.push_back(text_width(column.heading));
    for (auto const& row : rows)
        for (size_t i = 0; i < row.size() && i < widths.size(); i++)
            widths[i] = std::max(widths[i], text_width(row[i].text));

    auto const line = [&](auto const& cell_at, Colour all) {
        std::string text;
        size_t column = 0;
        for (size_t i = 0; i < columns.size(); i++) {
            Cell cell = cell_at(i);
            if (columns[i].stretches && screen.width > 0)
                cell.text = cut_text(cell.text,
                    screen.width > column + 1 ? std::max<size_t>(screen.width - column, 8) : 8,
                    screen.utf8);
            size_t const width = text_width(cell.text);
            size_t const gap = widths[i] > width ? widths[i] - width : 0;
            if (columns[i].align == Align::right) text.append(gap, ' ');
            text += painted(screen, cell.text, all == Colour::none ? cell.colour : all);
            if (i + 1 == columns.size()) break;
            if (columns[i].align == Align::left) text.append(gap, ' ');
            text += ' ';
            column += std::max(widths[i], width) + 1;
        }
        while (!text.empty() && text.back() == ' ')
            text.pop_back();
        return text + "\n";
    };
    std::string text = line([&](size_t i) { return Cell{columns[i].heading}; }, Colour::faint);
    for (auto const& row : rows)
        text += line([&](size_t i) { return i < row.size() ? row[i] : Cell{}; }, Colour::none);
    return text;
}

} // namespace rove::cli
