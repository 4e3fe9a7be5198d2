// SPDX-License-Identifier: Apache-2.0
// Fd: an open file descriptor of this process that is closed when its owner goes.
#pragma once

#include <utility>

#include <unistd.h>

namespace rove {

class [[nodiscard]] Fd {
public:
    Fd() = default;
    // Takes ownership. A negative number is no descriptor.
    explicit Fd(int number) : number_(number) {}
    Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            close();
            number_ = std::exchange(other.number_, -1);
        }
        return *this;
    }
    Fd(Fd const&) = delete;
    Fd& operator=(Fd const&) = delete;
    ~Fd() { close(); }

    int number() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    // Gives ownership up.
    [[nodiscard]] int release() { return std::exchange(number_, -1); }
    void close() {
        if (number_ >= 0) (void)::close(std::exchange(number_, -1));
    }

private:
    int number_ = -1;
};

} // namespace rove
