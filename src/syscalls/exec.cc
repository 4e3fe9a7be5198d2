// SPDX-License-Identifier: Apache-2.0
// Exec: see exec.hh.
#include "syscalls/exec.hh"

#include "abi/x86_64/numbers.hh"
#include "syscalls/builder.hh"

namespace rove::syscalls {

namespace {
constexpr unsigned path_argument = 1, strings_argument = 5;
constexpr auto working_directory = static_cast<uint64_t>(-100);
} // namespace

Executed executed_by(unsigned long nr, uint64_t const args[6]) {
    if (nr == abi::nr_execve) return {working_directory, args[0], 0, args[1], args[2]};
    return {args[0], args[1], args[4], args[2], args[3]};
}

void plan_exec(Plan& plan, Executed const& what, uint64_t const counts[2], uint64_t strings,
    uint64_t length, UserMemory const& user) {
    uint64_t const args[6] = {what.directory, 0, counts[0], counts[1], what.flags, 0};
    begin_plan(plan, abi::nr_execveat, args);
    Limits const limits;
    Builder build(plan, user, limits);
    build.path(argument(path_argument), what.path);
    if (length != 0) build.in(argument(strings_argument), strings, length);
}

bool placed_strings(Placement const& placement, PackedStrings& strings) {
    strings = {
        nullptr, 0, {placement.args[2], placement.args[3]}, placement.args[2] == strings_missing};
    if (strings.missing) return true;
    for (unsigned i = 0; i < placement.count; ++i) {
        if (placement.segments[i].holder != strings_argument) continue;
        if (placement.segments[i].direction != Direction::in) return false;
        // Not what the call would be told: that is elsewhere where a fault is due.
        strings.bytes = reinterpret_cast<unsigned char const*>(placement.placed[i].address);
        strings.length = placement.placed[i].valid;
    }
    return strings.counts[0] <= strings.length && strings.counts[1] <= strings.length;
}

bool make_lists(PackedStrings const& strings, uint64_t* pointers) {
    uint64_t at = 0;
    for (uint64_t count : strings.counts) {
        for (uint64_t i = 0; i < count; ++i) {
            *pointers++ = reinterpret_cast<uint64_t>(strings.bytes + at);
            while (at < strings.length && strings.bytes[at] != 0)
                ++at;
            if (at == strings.length) return false; // every string has its end
            ++at;
        }
        *pointers++ = 0;
    }
    return at == strings.length;
}

} // namespace rove::syscalls
