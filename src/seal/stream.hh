// SPDX-License-Identifier: Apache-2.0
// Stream: a TCP connection on which every byte is sealed.
//
// Both sides know a secret, of the session that the connection belongs to. Each first says a salt
// of 16 random bytes, in the clear. The keys, one for each direction, follow from the secret, both
// salts and the connection's purpose, so no two connections share one, and nothing that was
// recorded can be played back. Then come records: a head of 4 bytes, what it holds, a tag. Their
// numbers are not sent: one that is missing, doubled or moved does not open.
//
//   salt   = 0x53 1 16(u16) salt(16)
//   record = 0x53 2 length(u16) bytes(length) tag(16)
//
// Freestanding; no input or output is done here.
#pragma once

#include "seal/aes_gcm.hh"

namespace rove::seal {

inline constexpr uint64_t salt_size = 16, head_size = 4;
inline constexpr uint64_t salt_record_size = head_size + salt_size;
/// What a record holds at most, and how long it is then.
inline constexpr uint64_t text_max = 8172, record_max = head_size + text_max + tag_size;
static_assert(record_max == 8192);

/// What kind of connection, and so that no stream can be taken for another's.
enum class Use : uint8_t { link = 1, control = 2, pages = 3 };
/// Home is who has made the connection, in the name of the process: the steward's side, P's; of
/// pages between two hosts the one that sends.
enum class Side : uint8_t { home = 1, host = 2 };

/// What both sides of a connection know that it is for. They say so to nobody, but if they do not
/// mean the same, nothing that one says opens at the other: so whoever crosses two connections of a
/// session gains nothing.
struct Purpose {
    uint8_t bytes[16];
};

/// One connection, seen from one side.
struct Stream {
    Key out, in;
    uint64_t sent, opened;   // records
    uint8_t salt[salt_size]; // ours
    uint8_t begun;           // 1: our salt is chosen; 2: both are known
    Use use;
    Side side;
    uint8_t reserved[5];
};

/// `salt`: random bytes. To be sent: `record`.
void begin(Stream& stream, Use use, Side side, uint8_t const salt[salt_size],
    uint8_t record[salt_record_size]);
/// The other side's salt has come.
void agree(Stream& stream, uint8_t const secret[secret_size], Purpose const& purpose,
    uint8_t const salt[salt_size]);

/// What lies at the beginning of bytes that have come.
struct Found {
    enum class What : uint8_t { nothing_yet, salt, text, nonsense } what;
    uint32_t length; // of salt or text
    uint32_t whole;  // of the record; of `nothing_yet`: how many bytes it will have, or 0
};
Found find(void const* bytes, uint64_t there);

/// Makes a record of n bytes, 1 to text_max, at `record`, which has room for n + head_size +
/// tag_size; `from` may be record + head_size. Its length.
uint64_t put(Stream& stream, void const* from, uint64_t n, void* record);
/// Opens the record that find() has found; `to` may be at `record`, or before it. False: it is not
/// the next one that the other side has sent.
bool take(Stream& stream, void const* record, Found const& found, void* to);

} // namespace rove::seal
