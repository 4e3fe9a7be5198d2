// SPDX-License-Identifier: Apache-2.0
// Load: how fast a core is.
#pragma once

namespace rove::node {

// A short calculation, timed: 1.0 is a core that does 1e9 rounds of it a second.
double measure_speed();

} // namespace rove::node
