// SPDX-License-Identifier: Apache-2.0
// Reasons: the table.
#include "node/reasons.hh"

namespace rove::node {

namespace {
constexpr Reason reasons[] = {
#define ROW(word, passes, sentence, lifted_by) {#word, Passes::passes, sentence, lifted_by},
#include "wire/reasons.def"
#undef ROW
};
} // namespace

Reason const* find_reason(std::string_view word) {
    for (Reason const& reason : reasons)
        if (word == reason.word) return &reason;
    return nullptr;
}

} // namespace rove::node
