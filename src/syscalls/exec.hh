// SPDX-License-Identifier: Apache-2.0
// Exec: how execveat travels, which has lists of strings instead of a few buffers.
//
// All strings lie one after the other in one segment, arguments first, with their ends; the counts
// of both lists take the places of their addresses. The guest packs, the deputy makes the lists.
// execve is execveat in the working directory.
//
// Freestanding; no allocation.
#pragma once

#include "syscalls/place.hh"
#include "syscalls/plan.hh"

namespace rove::syscalls {

struct Executed { // what a program asks for; addresses are its own
    uint64_t directory, path, flags;
    uint64_t arguments, environment; // the lists
};
/// Of execve or execveat, by its argument registers.
Executed executed_by(unsigned long nr, uint64_t const args[6]);

/// In place of the first count: some of the strings cannot be read. Home's kernel looks at the file
/// first, and then says so.
inline constexpr uint64_t strings_missing = ~0ull;

/// `strings`: `length` bytes of them, packed.
void plan_exec(Plan& plan, Executed const& what, uint64_t const counts[2], uint64_t strings,
    uint64_t length, UserMemory const& user);

/// The deputy's side.
struct PackedStrings {
    unsigned char const* bytes;
    uint64_t length;
    uint64_t counts[2];
    bool missing;
};
/// False: the frame is malformed.
bool placed_strings(Placement const& placement, PackedStrings& strings);
/// Room for make_lists(), in words.
inline uint64_t lists_size(PackedStrings const& strings) {
    return strings.counts[0] + strings.counts[1] + 2;
}
/// Both lists, each with a null behind it. False: there are not that many strings, or more.
bool make_lists(PackedStrings const& strings, uint64_t* pointers);

} // namespace rove::syscalls
