// SPDX-License-Identifier: Apache-2.0
// Describe: encode, decode and print messages from one description each.
//
// A message is a plain struct with `template <class V> void describe(V& v, T& m)` that names its
// fields once, in order; the visitors below do the rest, so encoder and decoder cannot disagree.
// Little-endian, no padding; strings and lists are preceded by a u32 count. Decoding takes hostile
// bytes: each count is checked against the bytes that are left before anything is allocated.
//
// Hosted only: link frames, which blobs use, are fixed structs in link.hh.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace rove::wire {

template <class T>
concept Scalar = std::is_integral_v<T> || std::is_enum_v<T> || std::is_floating_point_v<T>;

class Encoder {
public:
    std::string bytes;

    template <Scalar T> void field(char const*, T& value) {
        bytes.append(reinterpret_cast<char const*>(&value), sizeof value);
    }
    void field(char const*, std::string& value) {
        auto count = static_cast<uint32_t>(value.size());
        field("", count);
        bytes += value;
    }
    template <class T> void field(char const* name, std::vector<T>& list) {
        auto count = static_cast<uint32_t>(list.size());
        field("", count);
        for (auto& item : list)
            field(name, item);
    }
    template <class T>
    requires(!Scalar<T>) void field(char const*, T& nested) { describe(*this, nested); }
};

class Decoder {
public:
    explicit Decoder(std::string_view input) : rest_(input) {}

    bool ok() const { return ok_; }
    /// All bytes were used and every field was well formed.
    bool done() const { return ok_ && rest_.empty(); }

    template <Scalar T> void field(char const*, T& value) {
        if (rest_.size() < sizeof value) return fail();
        if constexpr (std::is_same_v<T, bool>) {
            value = rest_[0] != 0;
        } else {
            std::memcpy(&value, rest_.data(), sizeof value);
        }
        rest_.remove_prefix(sizeof value);
    }
    void field(char const*, std::string& value) {
        uint32_t count = 0;
        field("", count);
        if (!ok_ || count > rest_.size()) return fail();
        value.assign(rest_.data(), count);
        rest_.remove_prefix(count);
    }
    template <class T> void field(char const* name, std::vector<T>& list) {
        uint32_t count = 0;
        field("", count);
        // Every element takes at least one byte, so this bounds the allocation by the input.
        if (!ok_ || count > rest_.size()) return fail();
        list.clear();
        for (uint32_t i = 0; ok_ && i < count; ++i)
            field(name, list.emplace_back());
    }
    template <class T>
    requires(!Scalar<T>) void field(char const*, T& nested) {
        if (ok_) describe(*this, nested);
    }

private:
    void fail() {
        ok_ = false;
        rest_ = {};
    }
    std::string_view rest_;
    bool ok_ = true;
};

template <class T> std::string encode(T const& message) {
    Encoder encoder;
    T copy = message;
    describe(encoder, copy);
    return std::move(encoder.bytes);
}

/// The message, or nothing if the bytes are not exactly one.
template <class T> std::optional<T> decode(std::string_view bytes) {
    T message{};
    Decoder decoder(bytes);
    describe(decoder, message);
    if (!decoder.done()) return std::nullopt;
    return message;
}

} // namespace rove::wire
