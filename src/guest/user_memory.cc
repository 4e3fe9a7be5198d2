// SPDX-License-Identifier: Apache-2.0
// User memory: reads and writes of the program's memory that survive bad addresses.
//
// The copies are two labelled instructions; a fault there is turned by rove_guest_fault into "that
// many bytes could not be copied". The runtime's own region counts as bad.
#include "guest/guest.hh"

extern "C" {
uint64_t rove_copy(void* to, void const* from, uint64_t n);
long rove_touch(uint64_t address);
}

namespace rove::guest {

namespace {

constexpr uint64_t user_end = 0x7ffffffff000;

/// How much of [address, +n) lies below the end of user space and outside of the region. This
/// thread's own stack counts as the program's: plans keep the structures there that they rewrite.
uint64_t allowed(uint64_t address, uint64_t n) {
    if (address >= user_end) return 0;
    if (n > user_end - address) n = user_end - address;
    uint64_t base = rt::region_base();
    uint64_t stack = word(&this_slot()) + wire::slot_stack_offset;
    if (address >= stack && address + n <= stack + wire::slot_stack_size) return n;
    if (address < base + wire::region_size && address + n > base) {
        return address >= base ? 0 : base - address;
    }
    return n;
}

size_t read(void* to, uint64_t from, size_t n) {
    uint64_t most = allowed(from, n);
    return most - rove_copy(to, reinterpret_cast<void const*>(from), most);
}
size_t write(uint64_t to, void const* from, size_t n) {
    uint64_t most = allowed(to, n);
    return most - rove_copy(reinterpret_cast<void*>(to), from, most);
}
size_t readable(uint64_t from, size_t n) {
    uint64_t most = allowed(from, n);
    for (uint64_t at = from; at < from + most; at = (at | 0xfff) + 1) {
        uint8_t byte;
        if (rove_copy(&byte, reinterpret_cast<void const*>(at), 1) != 0) return at - from;
    }
    return most;
}
size_t writable(uint64_t to, size_t n) {
    uint64_t most = allowed(to, n);
    for (uint64_t at = to; at < to + most; at = (at | 0xfff) + 1) {
        if (rove_touch(at) != 0) return at - to;
    }
    return most;
}

} // namespace

bool copy_in(void* to, uint64_t from, uint64_t n) {
    return read(to, from, n) == n;
}
bool copy_out(uint64_t to, void const* from, uint64_t n) {
    return write(to, from, n) == n;
}

uint64_t program_part(uint64_t address, uint64_t n) {
    return allowed(address, n);
}

syscalls::UserMemory user_memory() {
    return {read, write, readable, writable};
}

} // namespace rove::guest
