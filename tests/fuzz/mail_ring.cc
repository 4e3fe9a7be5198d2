// SPDX-License-Identifier: Apache-2.0
// Fuzz target: a ring whose other side writes what it likes to where the numbers are, between any
// two steps of ours: nothing outside of the rings is read or written, and never more than was
// asked.
// uses: wire
#include <cstdlib>
#include <cstring>
#include <memory>

#include "wire/mail_ring_end.hh"

using namespace rove::wire;

namespace {

void insist(bool is_so) {
    if (!is_so) std::abort();
}

// Steps of twelve bytes: what to do, which word, two bytes of a length, a value.
struct Step {
    uint8_t what, word;
    uint16_t length;
    uint64_t value;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    static auto const memory = std::make_unique<MailRing>();
    constexpr size_t numbers = offsetof(MailRing, bytes);
    std::memset(static_cast<void*>(memory.get()), 0, numbers);
    MailRingEnd end(*memory, 0);
    unsigned char const* const theirs = memory->bytes[1];
    unsigned char const* const ours = memory->bytes[0];
    constexpr size_t step_bytes = 12;
    for (; size >= step_bytes; bytes += step_bytes, size -= step_bytes) {
        Step step{};
        std::memcpy(&step, bytes, 4);
        std::memcpy(&step.value, bytes + 4, sizeof step.value);
        uint64_t const length = uint64_t{step.length} * 16;
        auto write = [&] {
            auto* words = reinterpret_cast<uint64_t*>(memory.get());
            __atomic_store_n(words + step.word % (numbers / 8), step.value, __ATOMIC_RELAXED);
        };
        auto copies_within = [&](unsigned char const* ring) {
            return [&, ring](unsigned char const* at, uint64_t done, uint64_t n) {
                insist(at >= ring && n <= mail_ring_bytes && at + n <= ring + mail_ring_bytes);
                insist(done + n <= length);
                if (step.what >= 128) write(); // in the middle of it
                return (step.value & 1) == 0 || done == 0;
            };
        };
        long moved = 0;
        switch (step.what % 8) {
        case 0:
            moved = end.get(length, copies_within(theirs));
            break;
        case 1:
            moved = end.put(length, copies_within(ours));
            break;
        case 2:
            end.sleeps(static_cast<uint32_t>(step.value));
            break;
        case 3:
            end.wakes();
            break;
        case 4:
            (void)end.wake(static_cast<uint32_t>(step.value));
            (void)end.wake_for_room();
            break;
        case 5:
            (void)end.readable();
            (void)end.writable();
            (void)end.is_over();
            break;
        default:
            write();
        }
        insist(moved <= static_cast<long>(length));
    }
    return 0;
}
