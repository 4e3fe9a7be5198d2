// SPDX-License-Identifier: Apache-2.0
// Buffer: the bytes of a message, allocated without being cleared, moved and never copied.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

namespace rove::mailbox {

class Buffer {
public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept
        : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        bytes_ = std::move(other.bytes_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }

    // None if there is no memory: how much is wanted may be for others to say.
    static std::optional<Buffer> create(size_t size) {
        Buffer buffer;
        buffer.bytes_.reset(new (std::nothrow) char[size]);
        buffer.size_ = size;
        if (!buffer.bytes_) return std::nullopt;
        return buffer;
    }
    static std::optional<Buffer> copy_of(std::string_view text) {
        auto buffer = create(text.size());
        if (buffer && !text.empty()) std::memcpy(buffer->bytes_.get(), text.data(), text.size());
        return buffer;
    }

    char* at(size_t offset) { return bytes_.get() + offset; }
    size_t size() const { return size_; }
    std::string_view text() const { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<char[]> bytes_;
    size_t size_ = 0;
};

} // namespace rove::mailbox
