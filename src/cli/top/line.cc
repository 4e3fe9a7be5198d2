// SPDX-License-Identifier: Apache-2.0
// Line: pieces, wrapping and bars; see line.hh.
#include "cli/top/line.hh"

#include <algorithm>
#include <cmath>

#include "cli/width.hh"

namespace rove::cli::top {

void Line::add(std::string_view text, Look look) {
    std::string fits = cut_text(text, room(), utf8_);
    if (fits.empty()) return;
    column_ += text_width(fits);
    pieces_.push_back({std::move(fits), look});
}

void Line::pad_to(size_t column, Look look) {
    size_t const end = std::min(column, width_);
    if (end > column_) add(std::string(end - column_, ' '), look);
}

void Line::mark() {
    pad_to(width_);
    for (Piece& piece : pieces_) {
        piece.look.marked = true;
        piece.look.colour = Colour::none;
    }
}

std::string Line::text() const {
    std::string all;
    for (Piece const& piece : pieces_)
        all += piece.text;
    return all;
}

std::vector<std::string> wrap(std::string_view text, size_t width) {
    std::vector<std::string> lines;
    while (!text.empty() && width > 0) {
        size_t end = 0, space = 0;
        for (size_t column = 0; end < text.size();) {
            Decoded const next = first_char(text.substr(end));
            column += char_width(next.character);
            if (column > width) break;
            if (next.character == ' ') space = end;
            end += next.bytes;
        }
        if (end == 0) end = first_char(text).bytes; // wider than the line
        bool const at_space = end < text.size() && text[end] != ' ' && space > 0;
        if (at_space) end = space;
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end);
        while (text.starts_with(' '))
            text.remove_prefix(1);
    }
    return lines;
}

Bar bar_of(std::optional<double> full, size_t width, bool utf8) {
    Bar bar;
    if (!full || !std::isfinite(*full)) return {"", std::string(width, ' ')};
    double const cells = std::clamp(*full, 0.0, 1.0) * static_cast<double>(width);
    if (!utf8) {
        bar.full.assign(static_cast<size_t>(std::lround(cells)), '#');
        bar.empty.assign(width - bar.full.size(), '.');
        return bar;
    }
    // U+2588 is a full cell; the seven after it are an eighth less each.
    auto const eighths = static_cast<size_t>(std::lround(cells * 8));
    for (size_t cell = 0; cell < width; cell++) {
        size_t const filled = std::min<size_t>(8, eighths > cell * 8 ? eighths - cell * 8 : 0);
        if (filled == 0)
            bar.empty += "\xc2\xb7";
        else
            bar.full += std::string("\xe2\x96") + static_cast<char>(0x90 - filled);
    }
    return bar;
}

} // namespace rove::cli::top
