// SPDX-License-Identifier: Apache-2.0
// Draw: what is known and chosen as the lines of a screen. Pure.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "cli/top/line.hh"
#include "cli/top/view.hh"

namespace rove::cli::top {

struct Size {
    size_t width = 80, height = 24;
    bool utf8 = true;
};

/// What is not the view's: the time, what has happened, and whether the daemon answers.
struct Surroundings {
    std::string time; // "12:34:56"
    std::string node; // this one's name; empty: not known yet
    std::deque<Json> events;
    std::string trouble; // why the daemon does not answer; empty: it does
    bool looked = false; // whether there was any answer yet
};

/// Exactly `height` lines, none wider than `width`. `first` is the first process that is shown, and
/// becomes that of this picture.
std::vector<Line> draw(View& view, Surroundings const& around, Size size, size_t& first);

/// Whether `rove top` tells of it: not of what begins and ends by itself.
bool is_shown(Json const& event);

} // namespace rove::cli::top
