// SPDX-License-Identifier: Apache-2.0
// Futex: waiting for words to change, and a small lock made of that.
#pragma once

#include "rt/sys.hh"

namespace rove::rt {

/// Waits while *word == value; may return early. Private futex.
inline long futex_wait(uint32_t const volatile* word, uint32_t value) {
    return sys(202, const_cast<uint32_t const*>(word), 0x80, value, 0, 0, 0);
}
inline long futex_wake(uint32_t const volatile* word, int count = 0x7fffffff) {
    return sys(202, const_cast<uint32_t const*>(word), 0x81, count, 0, 0, 0);
}

inline void lock(uint32_t* word) {
    uint32_t free = 0;
    if (__atomic_compare_exchange_n(word, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(word, 2, __ATOMIC_ACQUIRE) != 0)
        futex_wait(word, 2);
}
inline void unlock(uint32_t* word) {
    if (__atomic_exchange_n(word, 0, __ATOMIC_RELEASE) == 2) futex_wake(word, 1);
}

/// Held for short stretches only; never while a thread may park.
class Lock {
public:
    explicit Lock(uint32_t* word) : word_(word) { lock(word); }
    ~Lock() { unlock(word_); }
    Lock(Lock const&) = delete;
    Lock& operator=(Lock const&) = delete;

private:
    uint32_t* word_;
};

} // namespace rove::rt
