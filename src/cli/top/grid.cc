// SPDX-License-Identifier: Apache-2.0
// Grid: sharing the width; see grid.hh.
#include "cli/top/grid.hh"

#include <algorithm>

#include "cli/width.hh"

namespace rove::cli::top {

std::vector<size_t> Grid::widths(size_t width) const {
    std::vector<size_t> widths;
    for (size_t i = 0; i < columns.size(); i++) {
        GridColumn const& column = columns[i];
        size_t needed = std::max(text_width(column.heading), column.least);
        if (!column.grows)
            for (auto const& row : rows)
                needed = std::max(needed, text_width(row[i].text));
        widths.push_back(std::min(needed, column.most));
    }
    auto const total = [&] {
        size_t sum = 0;
        for (size_t each : widths)
            sum += each == 0 ? 0 : each + 1;
        return sum == 0 ? 0 : sum - 1;
    };
    while (total() > width) {
        size_t worst = columns.size();
        for (size_t i = 0; i < columns.size(); i++)
            if (widths[i] > 0 && columns[i].rank > 0 &&
                (worst == columns.size() || columns[i].rank > columns[worst].rank))
                worst = i;
        if (worst == columns.size()) break;
        widths[worst] = 0;
    }
    // Column by column in turn, so that equals stay equal.
    for (size_t left = width - std::min(width, total()); left > 0;) {
        bool given = false;
        for (size_t i = 0; i < columns.size() && left > 0; i++) {
            if (!columns[i].grows || widths[i] == 0 || widths[i] >= columns[i].most) continue;
            widths[i]++;
            left--;
            given = true;
        }
        if (!given) break;
    }
    return widths;
}

namespace {

void add_cell(Line& line, GridCell const& cell, GridColumn const& column, size_t width, bool last) {
    size_t const end = line.column() + width;
    if (cell.is_bar) {
        Bar const bar = bar_of(cell.full, width, line.utf8());
        line.add(bar.full, cell.look);
        line.add(bar.empty, {Colour::faint});
    } else {
        std::string const text = cut_text(cell.text, width, line.utf8());
        if (column.align == Align::right) line.pad_to(end - text_width(text));
        line.add(text, cell.look);
    }
    if (!last) line.pad_to(end + 1);
}

} // namespace

Line Grid::heading(std::vector<size_t> const& widths, size_t width, bool utf8) const {
    Line line(width, utf8);
    for (size_t i = 0; i < columns.size(); i++)
        if (widths[i] > 0)
            add_cell(line, {columns[i].heading, {Colour::faint}}, columns[i], widths[i],
                i + 1 == columns.size());
    return line;
}

Line Grid::row(size_t index, std::vector<size_t> const& widths, size_t width, bool utf8) const {
    Line line(width, utf8);
    for (size_t i = 0; i < columns.size(); i++)
        if (widths[i] > 0)
            add_cell(line, rows[index][i], columns[i], widths[i], i + 1 == columns.size());
    return line;
}

} // namespace rove::cli::top
