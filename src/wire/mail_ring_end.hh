// SPDX-License-Identifier: Apache-2.0
// Mail ring end: how one side uses a ring (mail_ring.hh).
//
// Everything in it may be written by the other side, which is not trusted, at any moment: each
// number is read once and looked at before it is used, and what makes no sense breaks the ring, as
// a connection breaks. No number here leads out of the rings; what a liar can spoil is his own
// line. Freestanding.
#pragma once

#include "wire/mail_ring.hh"

namespace rove::wire {

/// One side's view of it. Errors are negative errno values.
class MailRingEnd {
public:
    static constexpr long again = -11, broken_pipe = -32, reset = -104, bad_address = -14;

    MailRingEnd(MailRing& ring, uint32_t side) : ring_(ring), side_(side & 1) {}

    /// copy(to in the ring, at of the source, n) → whether it could be read. As much as there is
    /// room for.
    template <class Copy> long put(uint64_t length, Copy copy) {
        uint64_t const written = __atomic_load_n(&mine().written, __ATOMIC_RELAXED);
        uint64_t const room = mail_ring_bytes - unread_in(written, theirs().taken);
        if (is_broken()) return broken_pipe;
        if (room == 0 && length > 0) return again;
        uint64_t const n = length < room ? length : room;
        for (uint64_t done = 0; done < n;) {
            uint64_t const part = part_at(written + done, n - done);
            if (!copy(at(side_, written + done), done, part)) return part_of(done);
            done += part;
            __atomic_store_n(&mine().written, written + done, __ATOMIC_RELEASE);
        }
        return static_cast<long>(n);
    }

    /// copy(from in the ring, at of the destination, n) → whether it could be written. As much as
    /// is there; 0: the other side has ended.
    template <class Copy> long get(uint64_t length, Copy copy) {
        bool const ended = __atomic_load_n(&theirs().ended, __ATOMIC_ACQUIRE) != 0;
        uint64_t const taken = __atomic_load_n(&mine().taken, __ATOMIC_RELAXED);
        uint64_t const there = unread_in(theirs().written, taken);
        if (is_broken()) return reset;
        if (there == 0) return ended ? 0 : again;
        uint64_t const n = length < there ? length : there;
        for (uint64_t done = 0; done < n;) {
            uint64_t const part = part_at(taken + done, n - done);
            if (!copy(at(side_ ^ 1, taken + done), done, part)) return part_of(done);
            done += part;
            __atomic_store_n(&mine().taken, taken + done, __ATOMIC_RELEASE);
        }
        return static_cast<long>(n);
    }

    /// Nothing more will be put.
    void end() { __atomic_store_n(&mine().ended, 1, __ATOMIC_RELEASE); }
    void break_off() { __atomic_store_n(&ring_.broken, 1, __ATOMIC_SEQ_CST); }
    bool is_broken() const { return __atomic_load_n(&ring_.broken, __ATOMIC_ACQUIRE) != 0; }
    /// get() has something to say, other than that nothing is there.
    bool readable() {
        bool const ended = __atomic_load_n(&theirs().ended, __ATOMIC_ACQUIRE) != 0;
        return unread_in(theirs().written, mine().taken) > 0 || ended || is_broken();
    }
    bool writable() {
        return unread_in(mine().written, theirs().taken) < mail_ring_bytes || is_broken();
    }
    /// The other one has ended, and we have, or it is broken.
    bool is_over() {
        bool const both = __atomic_load_n(&theirs().ended, __ATOMIC_ACQUIRE) != 0 &&
                          __atomic_load_n(&mine().ended, __ATOMIC_ACQUIRE) != 0;
        return is_broken() || (both && unread_in(theirs().written, mine().taken) == 0);
    }

    /// Who is about to sleep says so, then looks once more, and waits until he is woken.
    void sleeps(uint32_t how) { __atomic_store_n(&mine().asleep, how, __ATOMIC_SEQ_CST); }
    void wakes() { __atomic_store_n(&mine().asleep, 0, __ATOMIC_RELAXED); }
    /// Where one's own sleep is written.
    uint32_t* sleep_word() { return &mine().asleep; }
    uint32_t* others_sleep_word() { return &theirs().asleep; }

    enum class Wake : uint32_t { nobody, by_bell, by_word };
    /// After each change: how the other side is to be woken, if it sleeps for that. It is said
    /// once.
    Wake wake(uint32_t change) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if ((__atomic_load_n(&theirs().asleep, __ATOMIC_RELAXED) & change) == 0)
            return Wake::nobody;
        uint32_t const how = __atomic_exchange_n(&theirs().asleep, 0, __ATOMIC_SEQ_CST);
        if (how == 0) return Wake::nobody;
        return (how & sleep_on_word) != 0 ? Wake::by_word : Wake::by_bell;
    }
    /// For who sleeps for room there must be some that is worth while.
    Wake wake_for_room() {
        uint64_t const unread = unread_in(theirs().written, mine().taken);
        return unread <= mail_ring_bytes / 2 ? wake(sleep_for_room) : Wake::nobody;
    }

private:
    MailRingSide& mine() const { return ring_.side[side_]; }
    MailRingSide& theirs() const { return ring_.side[side_ ^ 1]; }
    unsigned char* at(uint32_t side, uint64_t position) const {
        return ring_.bytes[side] + position % mail_ring_bytes;
    }
    static uint64_t part_at(uint64_t position, uint64_t n) {
        uint64_t const to_end = step - position % step;
        return n < to_end ? n : to_end;
    }
    static long part_of(uint64_t done) { return done > 0 ? static_cast<long>(done) : bad_address; }
    /// The other side is told of so much at a time, and works on it meanwhile.
    static constexpr uint64_t step = 8 << 10;
    static_assert(mail_ring_bytes % step == 0);
    /// How much lies in a ring; more than it holds breaks it.
    uint64_t unread_in(uint64_t const& written, uint64_t const& taken) {
        uint64_t const there =
            __atomic_load_n(&written, __ATOMIC_ACQUIRE) - __atomic_load_n(&taken, __ATOMIC_ACQUIRE);
        if (there <= mail_ring_bytes) return there;
        break_off();
        return 0;
    }

    MailRing& ring_;
    uint32_t side_;
};

} // namespace rove::wire
