// SPDX-License-Identifier: Apache-2.0
// Sealed line: see sealed_line.hh.
#include "warden/sealed_line.hh"

#include <algorithm>
#include <cstring>
#include <vector>

#include "sys/random.hh"
#include "sys/sockets.hh"
#include "wire/keeper.hh"

namespace rove::warden {

namespace {

uint8_t const* octets(std::string const& text) {
    return reinterpret_cast<uint8_t const*>(text.data());
}

Failure wrong() {
    return fail(EBADMSG, "what has come on a sealed connection is not what the other side sent");
}

} // namespace

SealedLine::SealedLine(seal::Use use, seal::Side side, std::string const& token)
    : secret_(wire::secret_of(token)) {
    if (secret_.size() != seal::secret_size) return;
    static_assert(sizeof purpose_ == wire::token_said);
    std::memcpy(&purpose_, token.data(), sizeof purpose_);
    stream_ = std::make_unique<seal::Stream>();
    stream_->use = use;
    stream_->side = side;
}

Status SealedLine::begin(int fd) {
    if (!stream_) return {};
    auto salt = TRY(sys::random_bytes(seal::salt_size));
    uint8_t record[seal::salt_record_size];
    seal::begin(*stream_, stream_->use, stream_->side, octets(salt), record);
    return sys::send_all(fd, ByteView(record, sizeof record));
}

Status SealedLine::meet(int fd, Nanos patience) {
    Deadline deadline = Deadline::after(patience);
    while (stream_ && stream_->begun == 1) {
        // No byte more: what follows is for whoever reads the line. Nor is one lost that has come
        // when patience ends.
        char byte;
        TRY(sys::recv_exact(fd, &byte, 1, deadline));
        std::string none;
        TRY(open({&byte, 1}, none));
    }
    return {};
}

Status SealedLine::send(int fd, ByteView bytes, Nanos patience) {
    if (!stream_) return sys::send_all(fd, bytes);
    TRY(meet(fd, patience));
    constexpr size_t records_at_once = 32;
    std::vector<uint8_t> room(
        std::min(bytes.size() / seal::text_max + 1, records_at_once) * seal::record_max);
    while (!bytes.empty()) {
        size_t used = 0;
        while (!bytes.empty() && room.size() - used >= seal::record_max) {
            size_t part = std::min<size_t>(bytes.size(), seal::text_max);
            used += seal::put(*stream_, bytes.data(), part, room.data() + used);
            bytes = bytes.subspan(part);
        }
        TRY(sys::send_all(fd, ByteView(room.data(), used)));
    }
    return {};
}

Status SealedLine::open(std::string_view bytes, std::string& text) {
    using What = seal::Found::What;
    if (!stream_) {
        text.append(bytes);
        return {};
    }
    came_.append(bytes);
    size_t at = 0;
    for (;;) {
        auto const* record = octets(came_) + at;
        auto found = seal::find(record, came_.size() - at);
        if (found.what == What::nothing_yet) break;
        if (found.what == What::salt && stream_->begun == 1) {
            seal::agree(*stream_, octets(secret_), purpose_, record + seal::head_size);
        } else if (found.what == What::text) {
            size_t before = text.size();
            text.resize(before + found.length);
            if (!seal::take(*stream_, record, found, text.data() + before)) {
                text.resize(before);
                return wrong();
            }
        } else {
            return wrong();
        }
        at += found.whole;
    }
    came_.erase(0, at);
    return {};
}

} // namespace rove::warden
