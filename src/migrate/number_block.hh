// SPDX-License-Identifier: Apache-2.0
// Number block: which descriptor numbers the runtime takes in P.
//
// As high as a table of modest size allows, so that the program neither gets other numbers because
// of them nor comes upon one: where its soft limit is lower, they lie above it, and only the porter
// makes descriptors there.
#pragma once

#include <cstdint>
#include <optional>

namespace rove::migrate {

struct NumberBlock {
    int first, last;
};

// `highest`: the program's highest descriptor. Nothing when there is not even room for `threads`
// links.
std::optional<NumberBlock> number_block(int highest, int threads, uint64_t hard_limit);

} // namespace rove::migrate
