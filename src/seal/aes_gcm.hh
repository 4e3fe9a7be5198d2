// SPDX-License-Identifier: Apache-2.0
// AES-GCM: AES-128 in Galois/Counter Mode (NIST SP 800-38D), by the processor's own instructions
// (AES-NI, PCLMULQDQ), for code that may use no library: the runtime in both halves of a process.
//
// Freestanding. All vector registers are as they were when these functions return.
#pragma once

#include <stdint.h>

namespace rove::seal {

inline constexpr uint64_t secret_size = 16, tag_size = 16;

/// Whether this processor has the instructions. Nothing else here may be called if not.
bool is_available();

/// A key, as it is used: round keys, and powers of the hash key.
struct alignas(16) Key {
    uint8_t rounds[11][16];
    uint8_t powers[8][16];
};
void expand(Key& key, uint8_t const secret[secret_size]);
void encrypt_block(Key const& key, uint8_t const from[16], uint8_t to[16]);

/// Seals n bytes (at most 64 KiB) with the nonce 0000 `number`, big-endian; no number may be used
/// twice with a key. `head` is authenticated, and not sent by this. `to` may be `from`.
void seal(Key const& key, uint64_t number, uint32_t head, void const* from, void* to, uint64_t n,
    uint8_t tag[tag_size]);
/// Opens what seal() has made. `to` may be `from`, or lie before it and overlap it. False: it is
/// not what was sealed; then `to` holds zeros.
bool open(Key const& key, uint64_t number, uint32_t head, void const* from, void* to, uint64_t n,
    uint8_t const tag[tag_size]);

} // namespace rove::seal
