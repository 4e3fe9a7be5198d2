// SPDX-License-Identifier: Apache-2.0
// Process image: what a process is when it stands still, but for the bytes of its pages. Hosted.
#pragma once

#include "wire/keeper.hh"

namespace rove::wire {

enum class VmaKind : uint8_t {
    anonymous = 0, // private, zero-filled
    segment = 1,   // mapping of a read-only copy of file bytes: `segment` and `offset` say which
    stack = 2,     // anonymous and grows down
    vdso = 3,      // [vdso]: the host's own goes here if it is the same; `segment`: home's
    vvar = 4,      // [vvar] (and [vvar_vclock]): likewise
};

struct Vma {
    uint64_t start = 0, end = 0;
    uint8_t prot = 0; // PROT_*
    VmaKind kind = VmaKind::anonymous;
    uint16_t advice = 0;  // bits: 1 dontfork 2 dontdump 4 wipeonfork 8 nohuge 16 huge 32 locked 64
                          // mergeable 128 noreserve 256 shared (read-only, of a segment)
    uint32_t segment = 0; // index into Layout.segments; of a vdso, too
    uint64_t offset = 0;  // in that segment, bytes
    bool operator==(Vma const&) const = default;
};
template <class V> void describe(V& v, Vma& m) {
    v.field("start", m.start);
    v.field("end", m.end);
    v.field("prot", m.prot);
    v.field("kind", m.kind);
    v.field("advice", m.advice);
    v.field("segment", m.segment);
    v.field("offset", m.offset);
}

/// Bytes of a file as they were mapped, named by their content (XXH3-128 and length). Or commons,
/// memory that processes share, or an own file, which one process maps for writing and nobody else
/// has: both are named by device and inode of what home has for them.
inline constexpr uint8_t commons_shared = 1, commons_own = 2;
struct SegmentKey {
    uint64_t hash_high = 0, hash_low = 0, length = 0;
    uint8_t commons = 0;
    auto operator<=>(SegmentKey const&) const = default;
};
template <class V> void describe(V& v, SegmentKey& m) {
    v.field("hash_high", m.hash_high);
    v.field("hash_low", m.hash_low);
    v.field("length", m.length);
    v.field("commons", m.commons);
}

struct Range {
    uint64_t address = 0, length = 0;
};
template <class V> void describe(V& v, Range& m) {
    v.field("address", m.address);
    v.field("length", m.length);
}
inline uint64_t bytes_of(std::vector<Range> const& ranges) {
    uint64_t bytes = 0;
    for (auto const& range : ranges)
        bytes += range.length;
    return bytes;
}

struct Layout {
    std::vector<SegmentKey> segments; // only ever appended to during a session: indexes stay valid
    std::vector<Vma> vmas;      // sorted, not overlapping; the runtime's region is not among them
    std::vector<Range> present; // private pages that will be sent: fault them in
    uint64_t brk_start = 0, brk_now = 0;
};
template <class V> void describe(V& v, Layout& m) {
    v.field("segments", m.segments);
    v.field("vmas", m.vmas);
    v.field("present", m.present);
    v.field("brk_start", m.brk_start);
    v.field("brk_now", m.brk_now);
}

/// One thread, in a form that both directions use. `frame` is a kernel-format ucontext's general
/// registers (23 × u64, the order of gregset_t) and `xsave` the packed extended state
/// (image/extended.hh).
struct ThreadImage {
    uint32_t slot = 0;
    int32_t tid = 0;
    std::vector<uint64_t> registers;
    std::string xsave;
    std::string thread_state; // bytes of struct ThreadState (wire/region.hh), length checked
};
template <class V> void describe(V& v, ThreadImage& m) {
    v.field("slot", m.slot);
    v.field("tid", m.tid);
    v.field("registers", m.registers);
    v.field("xsave", m.xsave);
    v.field("thread_state", m.thread_state);
}

/// What the process has used since it first left home, in all its stays; memory: now, resident.
struct GuestTally {
    uint64_t cpu_us = 0, memory_bytes = 0, forwarded = 0, local = 0;
    std::vector<TraceRow> calls;
};
template <class V> void describe(V& v, GuestTally& m) {
    v.field("cpu_us", m.cpu_us);
    v.field("memory_bytes", m.memory_bytes);
    v.field("forwarded", m.forwarded);
    v.field("local", m.local);
    v.field("calls", m.calls);
}

struct ProcessState {
    std::vector<ThreadImage> threads; // the leader first
    std::string actions;              // bytes of Control::actions
    uint64_t brk_start = 0, brk_now = 0;
    uint8_t dumpable = 1;
    std::vector<uint64_t> limits; // pairs soft, hard for RLIMIT_STACK, RLIMIT_CPU (the rest),
                                  // RLIMIT_DATA, RLIMIT_AS, RLIMIT_MEMLOCK
    GuestTally account;           // what it has used in the stays before
    int64_t monotonic_ns = 0, coarse_ns = 0,
            boottime_ns = 0; // home's clocks when all threads stood: none sees an earlier time
};
template <class V> void describe(V& v, ProcessState& m) {
    v.field("threads", m.threads);
    v.field("actions", m.actions);
    v.field("brk_start", m.brk_start);
    v.field("brk_now", m.brk_now);
    v.field("dumpable", m.dumpable);
    v.field("limits", m.limits);
    v.field("account", m.account);
    v.field("monotonic_ns", m.monotonic_ns);
    v.field("coarse_ns", m.coarse_ns);
    v.field("boottime_ns", m.boottime_ns);
}

} // namespace rove::wire
