// SPDX-License-Identifier: Apache-2.0
// Bytes: a plan as it goes onto the link, and a reply as it comes back. See plan.hh.
#include "syscalls/vector.hh"

namespace rove::syscalls {

void write_call(Plan const& plan, void* to) {
    auto* const head = static_cast<CallHead*>(to);
    head->nr = plan.nr;
    head->segment_count = plan.count;
    head->flags = 0;
    head->in_bytes = plan.in_bytes;
    for (unsigned i = 0; i < 6; ++i)
        head->args[i] = plan.args[i];
    auto* const wire = reinterpret_cast<WireSegment*>(head + 1);
    for (unsigned i = 0; i < plan.count; ++i) {
        Segment const& s = plan.segments[i];
        WireSegment& w = wire[i];
        w.length = s.length;
        w.valid = s.valid;
        w.align = static_cast<uint16_t>(s.address & 4095);
        w.holder_offset = s.holder_offset;
        w.unit = s.unit;
        w.holder = s.holder;
        w.direction = s.direction;
        w.clip = s.clip;
        w.flags = s.flags & wire_flags;
        w.other = s.other;
        w.reserved = 0;
    }
}

namespace {

bool travels_in(Segment const& s) {
    return s.direction == Direction::in || s.direction == Direction::inout;
}
bool travels_out(Segment const& s) {
    return s.direction == Direction::out || s.direction == Direction::inout;
}

} // namespace

bool gather(Plan const& plan, void* to, UserMemory const& user) {
    auto* at = static_cast<uint8_t*>(to);
    for (unsigned i = 0; i < plan.count; ++i) {
        Segment const& s = plan.segments[i];
        if (!travels_in(s) || s.valid == 0) continue;
        VectorCursor cursor(s, user);
        Piece piece;
        uint32_t done = 0;
        while (done < s.valid) {
            if (!cursor.at(done, s.valid, piece) ||
                user.read(at + done, piece.address, piece.length) != piece.length)
                return false;
            done += static_cast<uint32_t>(piece.length);
        }
        at += s.valid;
    }
    return true;
}

int in_pieces(Plan const& plan, Piece* to, int max, UserMemory const& user) {
    int count = 0;
    for (unsigned i = 0; i < plan.count; ++i) {
        Segment const& s = plan.segments[i];
        if (!travels_in(s)) continue;
        VectorCursor cursor(s, user);
        for (uint32_t done = 0; done < s.valid;
             done += static_cast<uint32_t>(to[count - 1].length)) {
            if (count == max || !cursor.at(done, s.valid, to[count])) return -1;
            ++count;
        }
    }
    return count;
}

bool Scatter::begin(
    Plan const& plan, ReplyHead const& head, uint32_t const* lengths, UserMemory const& user) {
    plan_ = &plan;
    user_ = &user;
    lengths_ = lengths;
    result_ = head.result;
    left_ = offset_ = 0;
    segment_ = index_ = 0;
    fault_ = false;
    if (head.out_count == 0 && head.out_bytes == 0)
        return true; // not performed: nothing was written
    unsigned count = 0;
    uint64_t total = 0;
    for (unsigned i = 0; i < plan.count; ++i) {
        Segment const& s = plan.segments[i];
        if (!travels_out(s)) continue;
        if (count == head.out_count || lengths[count] > s.valid) return false;
        total += lengths[count++];
    }
    if (count != head.out_count || total != head.out_bytes) return false;
    left_ = head.out_bytes;
    return true;
}

void Scatter::write(Segment const& segment, uint32_t offset, void const* bytes, uint32_t size) {
    auto const* from = static_cast<uint8_t const*>(bytes);
    VectorCursor cursor(segment, *user_);
    uint32_t done = 0;
    Piece piece;
    while (done < size) {
        if (!cursor.at(offset + done, size - done, piece) ||
            user_->write(piece.address, from + done, piece.length) != piece.length) {
            if ((segment.flags & flag_forgiving) == 0) fault_ = true;
            return;
        }
        done += static_cast<uint32_t>(piece.length);
    }
}

void Scatter::feed(void const* bytes, uint32_t size) {
    auto const* from = static_cast<uint8_t const*>(bytes);
    if (size > left_) size = left_;
    left_ -= size;
    while (size != 0) {
        Segment const& s = plan_->segments[segment_];
        uint32_t const length = travels_out(s) ? lengths_[index_] : 0;
        if (offset_ == length) {
            if (travels_out(s)) ++index_;
            ++segment_;
            offset_ = 0;
            continue;
        }
        uint32_t const rest = length - offset_;
        uint32_t const now = size < rest ? size : rest;
        write(s, offset_, from, now);
        offset_ += now;
        from += now;
        size -= now;
    }
}

bool finish_plan(
    Plan const& plan, void const* reply, size_t size, UserMemory const& user, long& result) {
    if (size < sizeof(ReplyHead)) return false;
    auto const* const head = static_cast<ReplyHead const*>(reply);
    if (head->out_count > segments_max || head->flags != 0) return false;
    size_t const front = sizeof(ReplyHead) + head->out_count * sizeof(uint32_t);
    if (size < front || size - front != head->out_bytes) return false;
    Scatter scatter;
    if (!scatter.begin(plan, *head, reinterpret_cast<uint32_t const*>(head + 1), user))
        return false;
    scatter.feed(static_cast<uint8_t const*>(reply) + front, head->out_bytes);
    result = scatter.result();
    return true;
}

} // namespace rove::syscalls
