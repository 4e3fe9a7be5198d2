// SPDX-License-Identifier: Apache-2.0
// Grid: columns that share the width of a screen. Those of the least use are left out where it is
// narrow, bars and texts grow where it is wide.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/top/line.hh"

namespace rove::cli::top {

struct GridColumn {
    char const* heading;
    Align align = Align::left;
    int rank = 0;       // the highest is left out first; 0 stays
    size_t least = 0;   // so that it does not jump when a figure gets another digit
    size_t most = 1000; // longer texts are cut
    bool grows = false; // it takes a share of what is left
};

struct GridCell {
    std::string text;
    Look look = {};
    bool is_bar = false;
    std::optional<double> full = std::nullopt; // of a bar
};

struct Grid {
    std::vector<GridColumn> columns;
    std::vector<std::vector<GridCell>> rows;

    /// Of each column; 0: it is left out.
    std::vector<size_t> widths(size_t width) const;
    Line heading(std::vector<size_t> const& widths, size_t width, bool utf8) const;
    Line row(size_t index, std::vector<size_t> const& widths, size_t width, bool utf8) const;
};

} // namespace rove::cli::top
