// SPDX-License-Identifier: Apache-2.0
// Probe: what this machine's kernel and configuration allow, tried, not guessed; and what is lost
// without it.
#pragma once

#include <boost/json/array.hpp>

namespace rove::node {

// One object each: name, ok, lost.
boost::json::array probe_rows();

} // namespace rove::node
