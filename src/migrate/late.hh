// SPDX-License-Identifier: Apache-2.0
// Late: what of a process's memory may come to its host when it runs there already, and when that
// is done.
//
// Pure: layouts are told.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hh"
#include "migrate/copy.hh"

namespace rove::migrate {

// The configured move.mode: as it is found best, or always in one way.
enum class Mode { automatic, stop_and_copy, pre_copy, post_copy, hybrid };
Mode mode_of(std::string const& word);

constexpr bool makes_rounds(Mode mode) {
    return mode != Mode::stop_and_copy && mode != Mode::post_copy;
}
constexpr bool always_late(Mode mode) {
    return mode == Mode::post_copy || mode == Mode::hybrid;
}
constexpr bool never_late(Mode mode) {
    return mode == Mode::stop_and_copy || mode == Mode::pre_copy;
}

// How a move ends when all stands still, and why, for people.
struct Left {
    uint64_t bytes = 0;    // that the host lacks
    bool too_long = false; // to send them takes longer than is wanted
    bool ahead = false;    // rounds were made
    bool able = false;     // the host can wait for pages of what runs
    bool device = false;   // may write to its memory
    Nanos freeze{0};       // wanted
};
struct Choice {
    bool late = false; // what may come late does
    std::string why;
};
Choice choose(Mode mode, Left const& left);
std::string_view word_of(Mode mode);

// Of these pages those that may come late: the program's own memory, which it can write to. None of
// a process that shares memory or has files with it.
Ranges may_be_late(wire::Layout const& layout, Ranges const& pages);

// The same in so few ranges that they are told, and given up, in no time: what lies between some of
// them is among them.
constexpr size_t late_ranges_max = 4096;
Ranges coarse(Ranges const& pages, size_t most = late_ranges_max);

} // namespace rove::migrate
