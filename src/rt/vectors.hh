// SPDX-License-Identifier: Apache-2.0
// Vectors: several pieces of memory that one call reads or writes (struct iovec).
#pragma once

#include <stdint.h>

namespace rove::rt {

struct Vector {
    uint64_t base, length;
};

/// So many bytes of them are done: `vectors` and `count` become what is left.
inline void pass(Vector*& vectors, int& count, uint64_t done) {
    while (count > 0 && done >= vectors->length) {
        done -= vectors->length;
        ++vectors;
        --count;
    }
    if (count > 0) {
        vectors->base += done;
        vectors->length -= done;
    }
}

} // namespace rove::rt
