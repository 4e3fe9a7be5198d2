// SPDX-License-Identifier: Apache-2.0
// Line: one line of the screen as pieces with a look; what is drawn is a value that tests can read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/screen.hh"

namespace rove::cli::top {

struct Look {
    Colour colour = Colour::none;
    bool strong = false, marked = false; // bold; light and dark exchanged
};

struct Piece {
    std::string text;
    Look look;
};

/// Never wider than it was made for.
class Line {
public:
    Line(size_t width, bool utf8) : width_(width), utf8_(utf8) {}

    /// What does not fit is cut off, with a mark.
    void add(std::string_view text, Look look = {});
    /// Spaces up to that column, if there is room.
    void pad_to(size_t column, Look look = {});
    void mark(); // all of it, up to the right edge

    size_t column() const { return column_; }
    size_t room() const { return width_ - column_; }
    bool utf8() const { return utf8_; }
    std::vector<Piece> const& pieces() const { return pieces_; }
    std::string text() const;

private:
    size_t width_, column_ = 0;
    bool utf8_;
    std::vector<Piece> pieces_;
};

/// A text in lines of that width, cut between words where it can be.
std::vector<std::string> wrap(std::string_view text, size_t width);

struct Bar {
    std::string full, empty;
};
/// How much of it is full, 0 … 1; blank if that is not known. Both parts together are `width`
/// columns.
Bar bar_of(std::optional<double> full, size_t width, bool utf8);

} // namespace rove::cli::top
