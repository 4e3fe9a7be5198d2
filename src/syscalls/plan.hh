// SPDX-License-Identifier: Apache-2.0
// Plan: which pieces of the caller's memory a call reads and writes; made by the guest from the
// table.
//
//   Plan plan;
//   switch (make_plan(plan, nr, args, user)) { case Verdict::forward: … }
//   write_call(plan, frame)  +  gather(plan, frame + call_size(plan), user)   → the link
//   reply from the link      →  Scatter s; s.begin(plan, head, lengths); s.feed(bytes…); result =
//   s.result()
//
// Memory that cannot be read is not an error here: the segment says how much of it is valid, and
// the deputy lays it against an inaccessible page, so that home's kernel finds the same fault, or
// another error first, as it would have natively. Scattered buffers (iovec) become one segment and
// an iovec array of one entry: the call remains one call, and 1024 entries need no more room than
// one.
//
// Freestanding; no allocation. A Plan holds addresses of itself: it is not copied or moved.
#pragma once

#include "syscalls/call_frame.hh"
#include "syscalls/row.hh"

namespace rove::syscalls {

/// Fault-protected access to the caller's memory. Each function returns how many bytes, from
/// the start, it could copy or access.
struct UserMemory {
    size_t (*read)(void* to, uint64_t from, size_t size);
    size_t (*write)(uint64_t to, void const* from, size_t size);
    size_t (*readable)(uint64_t from, size_t size); // touches one byte a page
    size_t (*writable)(uint64_t to, size_t size);   // the same, without changing anything
};

struct Segment {
    uint64_t address; // the caller's, or of bytes inside of the Plan
    uint32_t length;
    uint32_t valid;
    uint32_t skip;         // flag_vector: bytes of the vector that earlier rounds have moved
    uint16_t vector_count; // flag_vector: entries
    uint16_t holder_offset;
    uint16_t unit;
    uint8_t holder;
    Direction direction;
    Clip clip;
    uint8_t flags;
    uint8_t other;
    uint8_t reserved;
};
static_assert(sizeof(Segment) == 32);

/// What a guest is to do with a call.
enum class Verdict : uint8_t {
    forward,    // send the plan
    answer,     // the result is plan.answer; nothing is to be performed
    local,      // the host's kernel performs it
    special,    // by hand; the plan is filled for the case that it is forwarded after all
    comes_home, // also what the plan has no room for
    absent,     // -ENOSYS is what home's kernel would say
};

/// How much one call may move, and what earlier rounds of the same call have moved.
struct Limits {
    uint64_t bytes_max =
        16u << 20; // of all segments; ≥ 1 MiB, and less than the deputy's scratch by some 128 KiB
    uint64_t done = 0; // bytes, or messages for sendmmsg and recvmmsg
};

struct Plan {
    uint64_t args[6]; // to be sent; lengths in it may have been cut
    long answer;
    uint16_t nr;
    uint8_t count;
    bool cut; // less than asked is moved: a result equal to cut_at means that there may be more to
              // do
    uint64_t cut_at; // then call make_plan again with done += result; an error then means: the sum
                     // so far is the result
    uint32_t in_bytes;
    uint32_t out_bytes_max;
    uint64_t bytes_max; // what is left of Limits::bytes_max
    uint32_t local_used;
    uint32_t pieces_used;
    Segment segments[segments_max];
    uint8_t local[2048]; // structs that the plan had to rewrite
    Piece pieces[64];    // copies of iovec arrays
};
static_assert(sizeof(Plan) <= 8192, "it lies on a thread's runtime stack");

/// A plan of nothing but its arguments, for calls that are put together by hand.
void begin_plan(Plan& plan, unsigned long nr, uint64_t const args[6], Limits const& limits = {});

/// `args` are the six argument registers. Touches the caller's memory only through `user`.
Verdict make_plan(Plan& plan, unsigned long nr, uint64_t const args[6], UserMemory const& user,
    Limits const& limits = {});

/// Bytes of the call body before the in bytes; writes them.
inline size_t call_size(Plan const& plan) {
    return sizeof(CallHead) + plan.count * sizeof(WireSegment);
}
void write_call(Plan const& plan, void* to);

/// Copies the in bytes (plan.in_bytes of them) to `to`; false if memory vanished since make_plan.
bool gather(Plan const& plan, void* to, UserMemory const& user);

/// The in bytes where they are, for sending without a copy: fills `to`, returns the count, or -1 if
/// there are more than `max` pieces (then gather).
int in_pieces(Plan const& plan, Piece* to, int max, UserMemory const& user);

/// Puts a reply's out bytes into the caller's memory, in whatever portions they arrive.
class Scatter {
public:
    /// False: the reply does not fit the plan (a hostile or broken home). `lengths` must outlive
    /// the Scatter.
    bool begin(
        Plan const& plan, ReplyHead const& head, uint32_t const* lengths, UserMemory const& user);

    /// Out bytes still to come.
    uint32_t left() const { return left_; }

    /// Takes up to left() bytes.
    void feed(void const* bytes, uint32_t size);

    /// The call's result, or -EFAULT if the caller's memory could not be written.
    long result() const { return fault_ ? -14 : static_cast<long>(result_); }

private:
    void write(Segment const& segment, uint32_t offset, void const* bytes, uint32_t size);

    Plan const* plan_ = nullptr;
    UserMemory const* user_ = nullptr;
    uint32_t const* lengths_ = nullptr;
    int64_t result_ = 0;
    uint32_t left_ = 0;
    uint32_t offset_ = 0;  // in the present segment
    uint16_t segment_ = 0; // present segment
    uint16_t index_ = 0;   // its place in lengths_
    bool fault_ = false;
};

/// All at once: `reply` is a whole reply body of `size` bytes. False as Scatter::begin.
bool finish_plan(
    Plan const& plan, void const* reply, size_t size, UserMemory const& user, long& result);

} // namespace rove::syscalls
