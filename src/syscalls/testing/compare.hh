// SPDX-License-Identifier: Apache-2.0
// Compare: performs a call natively and as guest and deputy, and demands the same result and the
// same memory.
#pragma once

#include "syscalls/testing/round_trip.hh"

namespace rove::syscalls::testing {

/// Makes what the call needs, the same each time, and its arguments.
using Setup = std::function<Args(Arena&)>;

struct Seen {
    long result;
    std::vector<std::string> memory;
};

struct Options {
    uint64_t bytes_max = Limits{}.bytes_max;
    bool try_bad_pointers = true;
    int may_not_be_null = -1;   // an argument without which the call would wait for ever
    bool compare_result = true; // no, for times and the like
    bool compare_memory = true;
};

/// Where two memories differ first, and what is there.
inline std::string difference(std::string const& a, std::string const& b) {
    size_t i = 0;
    while (i < a.size() && i < b.size() && a[i] == b[i])
        ++i;
    if (i == a.size() && i == b.size()) return "";
    std::string text = std::to_string(a.size() - i) + " bytes before the end:";
    for (std::string const* s : {&a, &b}) {
        text += s == &a ? " native" : ", away";
        for (size_t k = i; k < i + 16 && k < s->size(); ++k) {
            char hex[8];
            snprintf(hex, sizeof hex, " %02x", static_cast<uint8_t>((*s)[k]));
            text += hex;
        }
    }
    return text;
}

enum class Spoil { nothing, null, unmapped, half };

/// Replaces argument `n` if it points to a buffer. False if it does not.
inline bool spoil(Args& args, unsigned n, Spoil how, Arena const& arena) {
    for (Guarded const& b : arena.buffers()) {
        if (args[n] != b.address() || b.bytes().empty()) continue;
        args[n] = how == Spoil::null       ? 0
                  : how == Spoil::unmapped ? b.end()
                  : how == Spoil::half     ? b.end() - 1
                                           : args[n];
        return true;
    }
    return false;
}

inline void compare_once(unsigned long nr, Setup const& setup, Options const& options, unsigned n,
    Spoil how, ScratchMemory const& memory, bool& applies) {
    Seen native, away;
    {
        Arena arena;
        Args args = setup(arena);
        applies = how == Spoil::nothing || spoil(args, n, how, arena);
        if (!applies) return;
        native.result = raw(nr, args);
        native.memory = arena.contents();
    }
    {
        Arena arena;
        Args args = setup(arena);
        if (how != Spoil::nothing) spoil(args, n, how, arena);
        Outcome const outcome = round_trip(nr, args, arena, memory, options.bytes_max);
        EXPECT_TRUE(outcome.verdict == Verdict::forward || outcome.verdict == Verdict::special)
            << "verdict " << static_cast<int>(outcome.verdict);
        away.result = outcome.result;
        away.memory = arena.contents();
    }
    if (options.compare_result) {
        EXPECT_EQ(native.result, away.result);
        ASSERT_EQ(native.memory.size(), away.memory.size());
        // After EFAULT it is nobody's promise how much of a buffer has been written.
        for (size_t i = 0;
             i < native.memory.size() && native.result != -EFAULT && options.compare_memory; ++i)
            EXPECT_EQ(difference(native.memory[i], away.memory[i]), "") << "buffer " << i;
    } else {
        EXPECT_EQ(native.result < 0, away.result < 0) << native.result << " " << away.result;
    }
}

inline void expect_same(unsigned long nr, Setup const& setup, Options const& options = {}) {
    static ScratchMemory memory;
    bool applies;
    {
        SCOPED_TRACE("call " + std::to_string(nr));
        compare_once(nr, setup, options, 0, Spoil::nothing, memory, applies);
    }
    if (!options.try_bad_pointers) return;
    for (unsigned n = 0; n < 6; ++n)
        for (Spoil how : {Spoil::null, Spoil::unmapped, Spoil::half}) {
            if (how == Spoil::null && options.may_not_be_null == static_cast<int>(n)) continue;
            SCOPED_TRACE("call " + std::to_string(nr) + ", bad pointer " + std::to_string(n) +
                         ", way " + std::to_string(static_cast<int>(how)));
            compare_once(nr, setup, options, n, how, memory, applies);
        }
}

} // namespace rove::syscalls::testing
