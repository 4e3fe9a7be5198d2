// SPDX-License-Identifier: Apache-2.0
// Window: how old entries become with a window of w entries, and the window for a wished age.
//
// Closed forms for N nodes of which each sends its own entry and its w - 1 youngest to one random
// other node per step. The unit of time is the step.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rove::gossip {

enum class Flow : uint8_t {
    push,     // as published
    answered, // each message is answered with one entry, the other's own
};

/// The mean age of all entries about others. Requires: 1 <= w <= nodes.
double average_age(size_t nodes, size_t window, Flow flow);
/// The expected age of the oldest entry.
double maximum_age(size_t nodes, size_t window, Flow flow);
/// How many of the entries are no older than `age`, which must be older than the window's.
double entries_up_to(size_t nodes, size_t window, double age, Flow flow);

/// The smallest window whose average is below that, or whose maximum; `nodes` if there is none.
size_t window_for_average(size_t nodes, double age, Flow flow);
size_t window_for_maximum(size_t nodes, double age, Flow flow);

} // namespace rove::gossip
