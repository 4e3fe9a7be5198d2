// SPDX-License-Identifier: Apache-2.0
// Crowded: numbers of the block that are the program's.
//
// The block lies where a program hardly comes. Where its hard limit is low and it opens nearly all
// that it may, home's kernel gives it numbers from there all the same; they are its own until it
// closes them. What nobody has noted is ours.
#include "deputy/deputy.hh"
#include "rt/memory.hh"

namespace rove::deputy {

namespace {

bool in_block(int32_t number) {
    auto const& c = control();
    return c.fd_first > 0 && number >= c.fd_first && number <= c.fd_last;
}

Private& numbers() {
    return own(rt::slot_at(0));
}

uint32_t place_of(int32_t number) {
    return static_cast<uint32_t>(number - control().fd_first);
}

bool is_programs(int32_t number) {
    auto& all = numbers();
    if (!__atomic_load_n(&all.crowded, __ATOMIC_ACQUIRE)) return false;
    uint32_t place = place_of(number);
    return place / 64 < rt::block_words &&
           (__atomic_load_n(&all.program_numbers[place / 64], __ATOMIC_ACQUIRE) >> place % 64 & 1);
}

} // namespace

bool is_ours(uint64_t fd) {
    auto number = static_cast<int32_t>(fd);
    return in_block(number) && !is_programs(number);
}

void note_number(int32_t number) {
    if (!in_block(number) || place_of(number) / 64 >= rt::block_words) return;
    uint32_t place = place_of(number);
    __atomic_fetch_or(
        &numbers().program_numbers[place / 64], uint64_t{1} << place % 64, __ATOMIC_SEQ_CST);
    __atomic_store_n(&numbers().crowded, 1, __ATOMIC_SEQ_CST);
}

void forget_number(int32_t number) {
    if (!in_block(number) || !is_programs(number)) return;
    uint32_t place = place_of(number);
    __atomic_fetch_and(
        &numbers().program_numbers[place / 64], ~(uint64_t{1} << place % 64), __ATOMIC_SEQ_CST);
}

void forget_numbers() {
    numbers().crowded = 0;
    memset(numbers().program_numbers, 0, sizeof numbers().program_numbers);
}

void close_ours(int first, int last) {
    for (int n = first; n <= last && numbers().crowded; ++n) {
        if (!is_programs(n)) continue;
        if (first < n) sys(436, first, n - 1, 0); // close_range
        first = n + 1;
    }
    if (first <= last) sys(436, first, last, 0);
}

void close_programs(uint64_t first, uint64_t last, uint64_t flags) {
    constexpr uint64_t cloexec = 4;
    if (!numbers().crowded) return;
    auto const& c = control();
    for (int n = c.fd_first; n <= c.fd_last; ++n) {
        if (static_cast<uint64_t>(n) < first || static_cast<uint64_t>(n) > last || !is_programs(n))
            continue;
        if ((flags & cloexec) == 0) forget_number(n);
        sys(436, n, n, flags);
    }
}

} // namespace rove::deputy
