// SPDX-License-Identifier: Apache-2.0
// Place: see place.hh.
#include "syscalls/place.hh"

namespace rove::syscalls {

namespace {

constexpr long bad_message = -74; // EBADMSG
constexpr long no_memory = -12;   // ENOMEM
constexpr long not_allowed = -1;  // EPERM
constexpr long try_again = -11;   // EAGAIN

constexpr uint64_t page = 4096;
constexpr uint64_t nowhere = 0x7ffffffff000; // the first address that user space cannot have
constexpr uint32_t keeps_alignment = 512;    // smaller ones are nothing to O_DIRECT
constexpr uint64_t end_pad = 8;              // zeros: a string without an end gets one

bool is_in(WireSegment const& w) {
    return w.direction == Direction::in || w.direction == Direction::inout;
}
bool is_out(WireSegment const& w) {
    return w.direction == Direction::out || w.direction == Direction::inout;
}

bool performed_here(Row const& row) {
    switch (row.who) {
    case Who::forward:
    case Who::by_fd:
    case Who::by_pid:
    case Who::special:
        return true;
    case Who::local:
        return row.args[0].kind == Kind::by_hand; // some of its cases are forwarded
    case Who::unlisted:
    case Who::by_guest:
    case Who::comes_home:
    case Who::absent:
        break;
    }
    return false;
}

bool is_pointer(Kind kind) {
    switch (kind) {
    case Kind::none:
    case Kind::val:
    case Kind::fd:
    case Kind::pid:
    case Kind::strings:
    case Kind::by_hand:
        return false;
    case Kind::path:
    case Kind::in:
    case Kind::out:
    case Kind::out_whole:
    case Kind::in_stream:
    case Kind::out_stream:
    case Kind::in_of:
    case Kind::out_of:
    case Kind::out_of_nonzero:
    case Kind::inout_of:
    case Kind::inout_always:
    case Kind::inout_on_error:
    case Kind::in_array:
    case Kind::out_array:
    case Kind::inout_array:
    case Kind::out_deref:
        break;
    }
    return true;
}

/// Everything about segment `i` that can be said without knowing where it will be.
bool well_formed(WireSegment const* segments, unsigned i, unsigned count) {
    WireSegment const& w = segments[i];
    if (w.direction > Direction::inout || w.clip > Clip::if_above || (w.flags & ~wire_flags) != 0 ||
        w.align >= page || w.valid > w.length || w.reserved != 0)
        return false;
    bool const view = w.holder == holder_view;
    bool const by_number = w.clip == Clip::by_u32 || w.clip == Clip::by_u64;
    if (by_number && (view || w.other >= count || segments[w.other].holder == holder_view))
        return false;
    if (view) {
        if (w.direction != Direction::out || w.valid != w.length || w.other >= i) return false;
        WireSegment const& of = segments[w.other];
        return of.holder != holder_view && uint64_t{w.holder_offset} + w.length <= of.valid;
    }
    if (w.holder < 6) return true;
    if (w.holder < holder_segment || w.holder >= holder_segment + i) return false;
    WireSegment const& in = segments[w.holder - holder_segment];
    return in.holder != holder_view && is_in(in) && uint64_t{w.holder_offset} + 8 <= in.valid;
}

/// Gives out scratch memory from the front, and once, next to the hole, from the back.
class Allotment {
public:
    explicit Allotment(Scratch const& scratch)
        : at_(scratch.base),
          end_(scratch.base + scratch.size),
          hole_(scratch.hole ? scratch.hole : nowhere) {}

    bool give(WireSegment const& w, Placed& placed) {
        bool const faults = w.valid < w.length && ((w.flags & flag_zeros) == 0 || w.valid == 0);
        if (faults) {
            if (w.valid == 0) {
                placed.address = placed.pointer = hole_;
                return true;
            }
            // Half there: its end is the page that faults.
            if (hole_ == end_ && w.valid <= end_ - at_) {
                end_ -= w.valid;
                placed.address = placed.pointer = end_;
                return true;
            }
        }
        uint64_t const mask = w.length >= keeps_alignment ? page - 1 : 15;
        uint64_t const wanted = w.length >= keeps_alignment ? w.align : 0;
        uint64_t const skip = (wanted - at_) & mask;
        if (skip > end_ - at_ || uint64_t{w.length} + end_pad > end_ - at_ - skip) return false;
        placed.address = at_ + skip;
        placed.pointer = faults ? hole_ : placed.address;
        at_ = placed.address + w.length + end_pad;
        if (is_in(w))
            __builtin_memset(
                reinterpret_cast<void*>(placed.address + w.valid), 0, w.length - w.valid + end_pad);
        return true;
    }

private:
    uint64_t at_, end_;
    uint64_t const hole_;
};

} // namespace

long place(Placement& placement, void const* body, size_t size, Scratch const& scratch) {
    if (size < sizeof(CallHead)) return try_again;
    auto const* const head = static_cast<CallHead const*>(body);
    unsigned const count = head->segment_count;
    if (count > segments_max || head->flags != 0 || head->nr >= rows_max) return bad_message;
    placement.head_bytes = static_cast<uint32_t>(sizeof(CallHead) + count * sizeof(WireSegment));
    if (size < placement.head_bytes) return try_again;
    Row const& row = row_of(head->nr);
    if (!performed_here(row)) return not_allowed;

    placement.nr = head->nr;
    placement.count = static_cast<uint8_t>(count);
    placement.in_bytes = head->in_bytes;
    for (unsigned i = 0; i < 6; ++i)
        placement.args[i] = head->args[i];
    // Checked in a copy: what is checked is what is used.
    if (count != 0) __builtin_memcpy(placement.segments, head + 1, count * sizeof(WireSegment));

    Allotment allotment(scratch);
    uint64_t in_bytes = 0;
    uint64_t out_bytes = 0; // at most
    unsigned held = 0;      // arguments that a segment will fill in
    for (unsigned i = 0; i < count; ++i) {
        WireSegment const& w = placement.segments[i];
        Placed& placed = placement.placed[i];
        if (!well_formed(placement.segments, i, count)) return bad_message;
        if (is_in(w)) in_bytes += w.valid;
        if (is_out(w)) out_bytes += w.valid;
        placed.length = w.length;
        placed.valid = w.valid;
        if (w.holder == holder_view)
            placed.address = placed.pointer = placement.placed[w.other].address + w.holder_offset;
        else if (!allotment.give(w, placed))
            return no_memory;
        if (w.holder < 6) held |= 1u << w.holder;
    }
    if (in_bytes != head->in_bytes || out_bytes > UINT32_MAX) return bad_message;
    for (unsigned i = 0; i < 6; ++i)
        if (is_pointer(row.args[i].kind) && (held & 1u << i) == 0 && placement.args[i] != 0)
            return bad_message; // the guest's address would be one of ours
    return 0;
}

uint64_t scratch_wanted(void const* body, size_t size) {
    if (size < sizeof(CallHead)) return 0;
    auto const* const head = static_cast<CallHead const*>(body);
    auto const* const wire = reinterpret_cast<WireSegment const*>(head + 1);
    if (head->segment_count > segments_max ||
        size < sizeof(CallHead) + head->segment_count * sizeof(WireSegment))
        return 0;
    uint64_t total = page;
    for (unsigned i = 0; i < head->segment_count; ++i)
        if (wire[i].holder != holder_view && wire[i].valid != 0)
            total += uint64_t{wire[i].length} + (wire[i].length >= keeps_alignment ? page : 32);
    return total;
}

bool breaks_off(void const* body, size_t size) {
    if (size < sizeof(CallHead)) return false;
    auto const* const head = static_cast<CallHead const*>(body);
    auto const* const wire = reinterpret_cast<WireSegment const*>(head + 1);
    if (head->segment_count > segments_max ||
        size < sizeof(CallHead) + head->segment_count * sizeof(WireSegment))
        return false;
    for (unsigned i = 0; i < head->segment_count; ++i)
        if (wire[i].holder != holder_view && wire[i].valid != 0 && wire[i].valid < wire[i].length &&
            (wire[i].flags & flag_zeros) == 0)
            return true;
    return false;
}

void fill(Placement const& placement, void const* in_bytes) {
    auto const* from = static_cast<uint8_t const*>(in_bytes);
    for (unsigned i = 0; i < placement.count; ++i) {
        Placed const& placed = placement.placed[i];
        if (!is_in(placement.segments[i]) || placed.valid == 0) continue;
        __builtin_memcpy(reinterpret_cast<void*>(placed.address), from, placed.valid);
        from += placed.valid;
    }
}

int in_list(Placement const& placement, Piece* to) {
    int count = 0;
    for (unsigned i = 0; i < placement.count; ++i) {
        Placed const& placed = placement.placed[i];
        if (is_in(placement.segments[i]) && placed.valid != 0)
            to[count++] = {placed.address, placed.valid};
    }
    return count;
}

long patch(Placement& placement) {
    for (unsigned i = 0; i < placement.count; ++i) {
        WireSegment const& w = placement.segments[i];
        uint64_t const pointer = placement.placed[i].pointer;
        if (w.holder < 6)
            placement.args[w.holder] = pointer;
        else if (w.holder != holder_view) {
            uint64_t const in = placement.placed[w.holder - holder_segment].address;
            __builtin_memcpy(
                reinterpret_cast<void*>(in + w.holder_offset), &pointer, sizeof pointer);
        }
    }
    return 0;
}

namespace {

uint32_t at_most(uint64_t wanted, uint32_t limit) {
    return wanted < limit ? static_cast<uint32_t>(wanted) : limit;
}

/// A number of `width` bytes that the call has left in a segment.
uint64_t number_in(Placement const& placement, WireSegment const& w, unsigned width) {
    Placed const& in = placement.placed[w.other];
    uint64_t number = 0;
    if (uint64_t{w.unit} + width <= in.valid)
        __builtin_memcpy(
            &number, reinterpret_cast<void const*>(in.address + w.unit), width == 4 ? 4 : 8);
    return number;
}

uint32_t kept(Placement const& placement, unsigned i, long result) {
    WireSegment const& w = placement.segments[i];
    uint32_t const valid = placement.placed[i].valid;
    if (result < 0) return (w.flags & flag_on_error) != 0 ? valid : 0;
    auto const moved = static_cast<uint64_t>(result);
    switch (w.clip) {
    case Clip::whole:
        return valid;
    case Clip::by_result:
        return at_most(moved, valid);
    case Clip::by_result_unit:
        return w.unit == 0 || moved > valid / w.unit ? valid
                                                     : static_cast<uint32_t>(moved * w.unit);
    case Clip::if_result:
        return moved != 0 ? valid : 0;
    case Clip::by_u32:
        return at_most(number_in(placement, w, 4), valid);
    case Clip::by_u64:
        return at_most(number_in(placement, w, 8), valid);
    case Clip::if_above:
        return moved > w.unit ? valid : 0;
    }
    return 0;
}

} // namespace

void reply_layout(Placement const& placement, long result, Reply& reply) {
    reply.head.result = result;
    reply.head.flags = 0;
    reply.piece_count = 0;
    unsigned count = 0;
    uint32_t total = 0;
    for (unsigned i = 0; i < placement.count; ++i) {
        if (!is_out(placement.segments[i])) continue;
        uint32_t const length = kept(placement, i, result);
        reply.lengths[count++] = length;
        total += length;
        if (length != 0) reply.pieces[reply.piece_count++] = {placement.placed[i].address, length};
    }
    reply.head.out_count = static_cast<uint16_t>(count);
    reply.head.out_bytes = total;
}

} // namespace rove::syscalls
