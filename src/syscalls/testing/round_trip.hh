// SPDX-License-Identifier: Apache-2.0
// Round trip: performs a call as a guest and its deputy would, within one process, for tests.
//
// The caller's buffers lie between guard pages, and cannot be accessed at all while "the deputy"
// performs the call in scratch memory of its own: a pointer that was not translated is found at
// once.
#pragma once

#include "syscalls/place.hh"
#include "syscalls/plan.hh"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

namespace rove::syscalls::testing {

inline size_t move_self(bool write, void* mine, uint64_t other, size_t size) {
    iovec a{mine, size}, b{reinterpret_cast<void*>(other), size};
    ssize_t const n = write ? process_vm_writev(getpid(), &a, 1, &b, 1, 0)
                            : process_vm_readv(getpid(), &a, 1, &b, 1, 0);
    return n < 0 ? 0 : static_cast<size_t>(n);
}

inline size_t touch_self(bool write, uint64_t at, size_t size) {
    size_t done = 0;
    while (done < size) {
        char byte;
        if (move_self(false, &byte, at + done, 1) != 1 ||
            (write && move_self(true, &byte, at + done, 1) != 1))
            return done;
        size_t const step = 4096 - ((at + done) & 4095);
        done = step < size - done ? done + step : size;
    }
    return done;
}

inline UserMemory user_memory() {
    return {
        [](void* to, uint64_t from, size_t size) { return move_self(false, to, from, size); },
        [](uint64_t to, void const* from, size_t size) {
            return move_self(true, const_cast<void*>(from), to, size);
        },
        [](uint64_t from, size_t size) { return touch_self(false, from, size); },
        [](uint64_t to, size_t size) { return touch_self(true, to, size); },
    };
}

/// A buffer that ends at an inaccessible page and begins behind one; bytes in front of it are a
/// pattern.
class Guarded {
public:
    explicit Guarded(size_t size) : size_(size), pages_((size + 4095) / 4096 * 4096 + 4096) {
        // At the same addresses each time, so that structs with pointers in them can be compared.
        base_ = static_cast<uint8_t*>(mmap(reinterpret_cast<void*>(next), pages_ + 8192, PROT_NONE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0));
        next += pages_ + 8192;
        show();
        memset(base_ + 4096, 0xa5, pages_);
        memset(data(), 0x5a, size);
    }
    Guarded(Guarded&& other) noexcept
        : size_(other.size_), pages_(other.pages_), base_(other.base_) {
        other.base_ = nullptr;
    }
    Guarded(Guarded const&) = delete;
    Guarded& operator=(Guarded const&) = delete;
    ~Guarded() {
        if (base_) munmap(base_, pages_ + 8192);
    }
    uint8_t* data() const { return base_ + 4096 + pages_ - size_; }
    uint64_t address() const { return reinterpret_cast<uint64_t>(data()); }
    uint64_t end() const { return address() + size_; }
    void hide() const { mprotect(base_ + 4096, pages_, PROT_NONE); }
    void show() const { mprotect(base_ + 4096, pages_, PROT_READ | PROT_WRITE); }
    static inline uint64_t next = 0;
    std::string all() const { return {reinterpret_cast<char*>(base_ + 4096), pages_}; }
    std::string bytes() const { return {reinterpret_cast<char*>(data()), size_}; }

private:
    size_t size_, pages_;
    uint8_t* base_;
};

/// What a call needs: buffers and descriptors, made anew for each way to perform it.
class Arena {
public:
    Arena() {
        buffers_.reserve(buffers_max);
        Guarded::next = 0x200000000000;
        first_ = static_cast<unsigned>(dup(0));
        close(static_cast<int>(first_));
    }
    Arena(Arena const&) = delete;
    Arena& operator=(Arena const&) = delete;
    /// Closes all that was opened since, by the setup and by the call: the next arena gets the same
    /// numbers.
    ~Arena() { close_range(first_, ~0u, 0); }
    Guarded& buffer(size_t size) { return buffers_.emplace_back(size); }
    uint64_t space(size_t size) { return buffer(size).address(); }
    template <class T> uint64_t put(T const& value) {
        Guarded& b = buffer(sizeof value);
        memcpy(b.data(), &value, sizeof value);
        return b.address();
    }
    template <class T> uint64_t put(std::vector<T> const& values) {
        Guarded& b = buffer(values.size() * sizeof(T));
        if (!values.empty()) memcpy(b.data(), values.data(), values.size() * sizeof(T));
        return b.address();
    }
    uint64_t text(std::string const& s) {
        Guarded& b = buffer(s.size() + 1);
        memcpy(b.data(), s.c_str(), s.size() + 1);
        return b.address();
    }
    int fd(int number) {
        EXPECT_GE(number, 0) << strerror(errno);
        return number;
    }
    void hide() const {
        for (auto const& b : buffers_)
            b.hide();
    }
    void show() const {
        for (auto const& b : buffers_)
            b.show();
    }
    std::vector<std::string> contents() const {
        std::vector<std::string> all;
        for (auto const& b : buffers_)
            all.push_back(b.all());
        return all;
    }
    std::vector<Guarded> const& buffers() const { return buffers_; }

private:
    static constexpr size_t buffers_max = 4096;
    std::vector<Guarded> buffers_;
    unsigned first_;
};

using Args = std::array<uint64_t, 6>;

/// Scratch memory whose end is inaccessible, filled with rubbish that must not show.
class ScratchMemory {
public:
    static constexpr size_t size = 40u << 20;
    ScratchMemory() {
        base_ = static_cast<uint8_t*>(mmap(nullptr, size + 4096, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
        mprotect(base_ + size, 4096, PROT_NONE);
        memset(base_, 0xee, 1 << 20);
    }
    ScratchMemory(ScratchMemory const&) = delete;
    ScratchMemory& operator=(ScratchMemory const&) = delete;
    ~ScratchMemory() { munmap(base_, size + 4096); }
    Scratch scratch() const {
        auto const at = reinterpret_cast<uint64_t>(base_);
        return {at, size, at + size};
    }

private:
    uint8_t* base_;
};

inline long raw(unsigned long nr, Args const& a) {
    long const r = syscall(static_cast<long>(nr), a[0], a[1], a[2], a[3], a[4], a[5]);
    return r == -1 ? -errno : r;
}

inline void append(std::vector<uint8_t>& to, void const* from, size_t size) {
    auto const* p = static_cast<uint8_t const*>(from);
    to.insert(to.end(), p, p + size);
}

/// The deputy's half: bytes in, bytes out.
inline std::vector<uint8_t> serve(
    std::vector<uint8_t> const& body, ScratchMemory const& memory, Arena const& arena) {
    Placement placement;
    EXPECT_EQ(place(placement, body.data(), body.size(), memory.scratch()), 0);
    EXPECT_EQ(placement.head_bytes + placement.in_bytes, body.size());
    EXPECT_GE(ScratchMemory::size, scratch_wanted(body.data(), body.size()));
    fill(placement, body.data() + placement.head_bytes);
    EXPECT_EQ(patch(placement), 0);
    arena.hide();
    long const result = raw(placement.nr, std::to_array(placement.args));
    arena.show();
    Reply reply;
    reply_layout(placement, result, reply);
    std::vector<uint8_t> bytes;
    append(bytes, &reply, reply_size(reply));
    for (int i = 0; i < reply.piece_count; ++i)
        append(bytes, reinterpret_cast<void*>(reply.pieces[i].address), reply.pieces[i].length);
    return bytes;
}

struct Outcome {
    Verdict verdict = Verdict::forward;
    long result = 0;
    int rounds = 0;
};

/// The guest's half and the loop of a call that is continued.
inline Outcome round_trip(unsigned long nr, Args const& args, Arena const& arena,
    ScratchMemory const& memory, uint64_t bytes_max = Limits{}.bytes_max) {
    Outcome outcome;
    UserMemory const user = user_memory();
    Limits limits;
    limits.bytes_max = bytes_max;
    for (;;) {
        static Plan plan;
        memset(static_cast<void*>(&plan), 0xcc, sizeof plan); // a stack is not clean either
        outcome.verdict = make_plan(plan, nr, args.data(), user, limits);
        if (outcome.verdict == Verdict::answer) outcome.result = plan.answer;
        if (outcome.verdict != Verdict::forward && outcome.verdict != Verdict::special)
            return outcome;
        ++outcome.rounds;
        std::vector<uint8_t> body(call_size(plan) + plan.in_bytes);
        write_call(plan, body.data());
        EXPECT_TRUE(gather(plan, body.data() + call_size(plan), user));

        std::vector<Piece> pieces(4096);
        int const count = in_pieces(plan, pieces.data(), 4096, user);
        EXPECT_GE(count, 0);
        uint64_t total = 0;
        for (int i = 0; i < count; ++i)
            total += pieces[static_cast<size_t>(i)].length;
        EXPECT_EQ(total, plan.in_bytes);

        std::vector<uint8_t> const reply = serve(body, memory, arena);
        long result = 0;
        EXPECT_TRUE(finish_plan(plan, reply.data(), reply.size(), user, result));
        if (result < 0) {
            outcome.result = limits.done != 0 ? static_cast<long>(limits.done) : result;
            return outcome;
        }
        outcome.result = static_cast<long>(limits.done) + result;
        if (!plan.cut || static_cast<uint64_t>(result) != plan.cut_at) return outcome;
        limits.done += static_cast<uint64_t>(result);
    }
}

/// What the table says of a call with these arguments.
inline Verdict verdict_of(unsigned long nr, Args const& args) {
    static Plan plan;
    return make_plan(plan, nr, args.data(), user_memory());
}

} // namespace rove::syscalls::testing
