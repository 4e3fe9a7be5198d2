// SPDX-License-Identifier: Apache-2.0
// Look: what keeps processes from leaving, as far as it can be seen from outside; for who asks
// before any move.
#pragma once

namespace rove::migrate {

// `rove-keeper look --socket S --order-fd N`: answers the daemon and ends.
int look_main(int argc, char** argv);

} // namespace rove::migrate
