// SPDX-License-Identifier: Apache-2.0
// Hostile: gives both decoders bytes that nobody honest would send, and checks that they stay
// inside their memory. Used by the property tests and by the fuzzer.
#pragma once

#include "abi/x86_64/numbers.hh"
#include "syscalls/exec.hh"
#include "syscalls/place.hh"
#include "syscalls/plan.hh"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <sys/mman.h>

namespace rove::syscalls::testing {

inline void must(bool good, char const* what) {
    if (good) return;
    fprintf(stderr, "violated: %s\n", what);
    abort();
}

/// 64 KiB between inaccessible pages.
inline Scratch small_scratch() {
    static constexpr size_t size = 64 * 1024;
    static auto* const base = [] {
        auto* const all = static_cast<uint8_t*>(
            mmap(nullptr, size + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        mprotect(all + 4096, size, PROT_READ | PROT_WRITE);
        return all + 4096;
    }();
    auto const at = reinterpret_cast<uint64_t>(base);
    return {at, size, at + size};
}

/// The deputy's lists of an exec point to whole strings inside the bytes that came.
inline void check_strings(Placement const& placement) {
    PackedStrings strings;
    if (!placed_strings(placement, strings) || strings.missing) return;
    must(lists_size(strings) <= 2 * strings.length + 2, "the lists are no larger than their bytes");
    std::vector<uint64_t> lists(lists_size(strings));
    if (!make_lists(strings, lists.data())) return;
    auto const begin = reinterpret_cast<uint64_t>(strings.bytes);
    for (uint64_t each : lists)
        must(each == 0 || (each >= begin && each < begin + strings.length &&
                              memchr(reinterpret_cast<void*>(each), 0,
                                  begin + strings.length - each) != nullptr),
            "every string of an exec has its end");
}

/// A whole call body as received. Nothing is performed; `result` is what the call is said to have
/// returned.
inline long receive_call(std::vector<uint8_t> const& body, long result) {
    Scratch const scratch = small_scratch();
    static Placement placement;
    (void)scratch_wanted(body.data(), body.size());
    long const placed = place(placement, body.data(), body.size(), scratch);
    if (placed != 0) return placed;
    must(placement.head_bytes <= body.size(), "the head is inside the body");
    if (placement.in_bytes != body.size() - placement.head_bytes) return -1000;
    Piece pieces[segments_max];
    int const count = in_list(placement, pieces);
    uint64_t total = 0;
    for (int i = 0; i < count; ++i) {
        total += pieces[i].length;
        must(pieces[i].address >= scratch.base &&
                 pieces[i].address + pieces[i].length <= scratch.base + scratch.size,
            "in bytes stay inside the scratch");
        for (int k = 0; k < i; ++k)
            must(pieces[i].address >= pieces[k].address + pieces[k].length ||
                     pieces[k].address >= pieces[i].address + pieces[i].length,
                "segments do not overlap");
    }
    must(total == placement.in_bytes, "all in bytes have a place");
    fill(placement, body.data() + placement.head_bytes);
    if (patch(placement) != 0) return -1001;
    if (placement.nr == abi::nr_execveat) check_strings(placement);
    Reply reply;
    reply_layout(placement, result, reply);
    uint64_t out = 0;
    for (int i = 0; i < reply.piece_count; ++i) {
        out += reply.pieces[i].length;
        must(reply.pieces[i].address >= scratch.base &&
                 reply.pieces[i].address + reply.pieces[i].length <= scratch.base + scratch.size,
            "out bytes come from the scratch");
    }
    must(out == reply.head.out_bytes, "the reply is as long as it says");
    return 0;
}

inline size_t inside_copy(bool write, void* mine, uint64_t other, size_t size) {
    static auto const [begin, end] = [] {
        auto* const p = static_cast<uint8_t*>(mmap(reinterpret_cast<void*>(0x300000000000), 65536,
            PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        return std::pair{reinterpret_cast<uint64_t>(p), reinterpret_cast<uint64_t>(p) + 65536};
    }();
    must(other >= begin && other + size <= end, "a reply is written to buffers of the call only");
    if (write)
        memcpy(reinterpret_cast<void*>(other), mine, size);
    else
        memcpy(mine, reinterpret_cast<void*>(other), size);
    return size;
}

/// A reply for a call that asked for four buffers of 1, 100, 4096 and, in a vector, 50+0+70 bytes.
inline bool receive_reply(std::vector<uint8_t> const& reply) {
    UserMemory const user{
        [](void* to, uint64_t from, size_t size) {
            memcpy(to, reinterpret_cast<void*>(from), size); // the plan's own arrays are read, too
            return size;
        },
        [](uint64_t to, void const* from, size_t size) {
            return inside_copy(true, const_cast<void*>(from), to, size);
        },
        [](uint64_t, size_t size) { return size; },
        [](uint64_t, size_t size) { return size; },
    };
    constexpr uint64_t base = 0x300000000000;
    static Plan plan;
    plan.count = 5;
    plan.pieces[0] = {base + 8192, 50};
    plan.pieces[1] = {base + 9000, 0};
    plan.pieces[2] = {base + 9192, 70};
    auto const segment = [](uint64_t address, uint32_t length, Direction direction) {
        Segment s{};
        s.address = address;
        s.length = s.valid = length;
        s.direction = direction;
        return s;
    };
    plan.segments[0] = segment(base, 1, Direction::out);
    plan.segments[1] = segment(base + 16, 5, Direction::in);
    plan.segments[2] = segment(base + 100, 100, Direction::inout);
    plan.segments[3] = segment(base + 4096, 4096, Direction::out);
    plan.segments[4] = segment(reinterpret_cast<uint64_t>(plan.pieces), 120, Direction::out);
    plan.segments[4].flags = flag_vector;
    plan.segments[4].vector_count = 3;
    long result = 0;
    return finish_plan(plan, reply.data(), reply.size(), user, result);
}

} // namespace rove::syscalls::testing
