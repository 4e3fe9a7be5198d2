// SPDX-License-Identifier: Apache-2.0
// Bytes: a reader and a writer of little-endian data.
//
// The reader takes hostile input: it never reads past the end, and a length that comes from the
// input is compared with what is left before anything is allocated.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.hh"

namespace rove {

static_assert(std::endian::native == std::endian::little, "the wire is little-endian");

using ByteView = std::span<uint8_t const>;

inline ByteView as_bytes(std::string_view text) {
    return ByteView(reinterpret_cast<uint8_t const*>(text.data()), text.size());
}
inline std::string_view as_text(ByteView bytes) {
    return std::string_view(reinterpret_cast<char const*>(bytes.data()), bytes.size());
}

class ByteReader {
public:
    explicit ByteReader(ByteView bytes) : rest_(bytes) {}

    size_t left() const { return rest_.size(); }
    bool done() const { return rest_.empty(); }

    // A number or a plain struct of fixed layout.
    template <class T> Result<T> get() {
        static_assert(std::is_trivially_copyable_v<T>);
        T value;
        if (rest_.size() < sizeof value) return short_of(sizeof value);
        std::memcpy(&value, rest_.data(), sizeof value);
        rest_ = rest_.subspan(sizeof value);
        return value;
    }
    Result<ByteView> bytes(size_t count) {
        if (rest_.size() < count) return short_of(count);
        ByteView part = rest_.first(count);
        rest_ = rest_.subspan(count);
        return part;
    }
    // A u32 length, then as many bytes. Fails if the length exceeds max.
    Result<ByteView> counted(size_t max) {
        uint32_t length = TRY(get<uint32_t>());
        if (length > max) return fail(EBADMSG, "length {} exceeds {}", length, max);
        return bytes(length);
    }
    Result<std::string> text(size_t max) { return std::string(as_text(TRY(counted(max)))); }
    // Fails if anything is left: for messages that must be exactly consumed.
    Status finish() const {
        if (!rest_.empty()) return fail(EBADMSG, "{} bytes too many", rest_.size());
        return {};
    }

private:
    Failure short_of(size_t wanted) const {
        return fail(EBADMSG, "{} bytes wanted, {} left", wanted, rest_.size());
    }
    ByteView rest_;
};

class ByteWriter {
public:
    template <class T> void put(T const& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        auto const* from = reinterpret_cast<uint8_t const*>(&value);
        bytes_.insert(bytes_.end(), from, from + sizeof value);
    }
    void bytes(ByteView part) { bytes_.insert(bytes_.end(), part.begin(), part.end()); }
    void counted(ByteView part) {
        put(static_cast<uint32_t>(part.size()));
        bytes(part);
    }
    void text(std::string_view part) { counted(as_bytes(part)); }

    std::vector<uint8_t> const& all() const { return bytes_; }
    std::vector<uint8_t> take() { return std::move(bytes_); }

private:
    std::vector<uint8_t> bytes_;
};

} // namespace rove
