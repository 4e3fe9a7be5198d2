// SPDX-License-Identifier: Apache-2.0
// Stream: heads, and which key belongs to what.
#include "seal/stream.hh"

namespace rove::seal {

namespace {

constexpr uint8_t magic = 0x53;
enum class Kind : uint8_t { salt = 1, text = 2 };

// As it lies in memory; a record is authenticated with it.
constexpr uint32_t head_of(Kind kind, uint64_t length) {
    return magic | uint32_t{static_cast<uint8_t>(kind)} << 8 | static_cast<uint32_t>(length) << 16;
}
uint32_t head_at(uint8_t const* record) {
    uint32_t head;
    __builtin_memcpy(&head, record, sizeof head);
    return head;
}
void put_head(uint8_t* record, uint32_t head) {
    __builtin_memcpy(record, &head, sizeof head);
}

void copy_salt(uint8_t* to, uint8_t const* from) {
    __builtin_memcpy(to, from, salt_size);
}

// One that this secret has for this purpose.
void derive(uint8_t const* secret, uint8_t const* purpose, uint8_t* derived) {
    Key key;
    expand(key, secret);
    encrypt_block(key, purpose, derived);
}

void expand_direction(Key& key, uint8_t const* secret, Use use, Side sender) {
    uint8_t const direction[16] = {static_cast<uint8_t>(use), static_cast<uint8_t>(sender)};
    uint8_t own[secret_size];
    derive(secret, direction, own);
    expand(key, own);
}

} // namespace

void begin(Stream& stream, Use use, Side side, uint8_t const salt[salt_size],
    uint8_t record[salt_record_size]) {
    stream.sent = stream.opened = 0;
    stream.use = use;
    stream.side = side;
    copy_salt(stream.salt, salt);
    put_head(record, head_of(Kind::salt, salt_size));
    copy_salt(record + head_size, salt);
    stream.begun = 1;
}

void agree(Stream& stream, uint8_t const secret[secret_size], Purpose const& purpose,
    uint8_t const salt[salt_size]) {
    bool const at_home = stream.side == Side::home;
    uint8_t with_home[secret_size], with_both[secret_size], own[secret_size];
    derive(secret, at_home ? stream.salt : salt, with_home);
    derive(with_home, at_home ? salt : stream.salt, with_both);
    derive(with_both, purpose.bytes, own);
    // A direction is named after who sends.
    expand_direction(stream.out, own, stream.use, stream.side);
    expand_direction(stream.in, own, stream.use, at_home ? Side::host : Side::home);
    stream.begun = 2;
}

Found find(void const* bytes, uint64_t there) {
    auto const* record = static_cast<uint8_t const*>(bytes);
    Found const nothing_yet{Found::What::nothing_yet, 0, 0};
    Found const nonsense{Found::What::nonsense, 0, 0};
    // Nonsense as soon as it can be seen: its sender may have nothing more to say.
    if (there >= 1 && record[0] != magic) return nonsense;
    if (there >= 2 && record[1] != static_cast<uint8_t>(Kind::salt) &&
        record[1] != static_cast<uint8_t>(Kind::text))
        return nonsense;
    if (there < head_size) return nothing_yet;
    uint32_t const length = head_at(record) >> 16;
    Found found{};
    if (record[1] == static_cast<uint8_t>(Kind::salt)) {
        if (length != salt_size) return nonsense;
        found = {Found::What::salt, length, salt_record_size};
    } else {
        if (length == 0 || length > text_max) return nonsense;
        found = {Found::What::text, length, static_cast<uint32_t>(head_size + length + tag_size)};
    }
    if (there < found.whole) return {Found::What::nothing_yet, 0, found.whole};
    return found;
}

uint64_t put(Stream& stream, void const* from, uint64_t n, void* record) {
    if (stream.begun != 2 || n == 0 || n > text_max) return 0;
    auto* bytes = static_cast<uint8_t*>(record);
    uint8_t* text = bytes + head_size;
    uint32_t const head = head_of(Kind::text, n);
    put_head(bytes, head);
    seal(stream.out, stream.sent++, head, from, text, n, text + n);
    return head_size + n + tag_size;
}

bool take(Stream& stream, void const* record, Found const& found, void* to) {
    auto const* bytes = static_cast<uint8_t const*>(record);
    if (stream.begun != 2 || found.what != Found::What::text || found.length > text_max ||
        head_at(bytes) != head_of(Kind::text, found.length))
        return false;
    uint8_t const* text = bytes + head_size;
    if (!open(
            stream.in, stream.opened, head_at(bytes), text, to, found.length, text + found.length))
        return false;
    ++stream.opened;
    return true;
}

} // namespace rove::seal
