// SPDX-License-Identifier: Apache-2.0
// Slot: where the region begins. The blob's text is linked at 0 and mapped at text_offset.
#include "rt/slot.hh"

extern "C" __attribute__((visibility("hidden"))) char rove_text_begin[];

namespace rove::rt {

uint64_t region_base() {
    // Through asm: the compiler must not fold the address of a symbol that is linked at 0.
    uint64_t text;
    asm("lea rove_text_begin(%%rip), %0" : "=r"(text));
    return text - wire::text_offset;
}

} // namespace rove::rt
