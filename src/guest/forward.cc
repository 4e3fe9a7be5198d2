// SPDX-License-Identifier: Apache-2.0
// Forward: one call of the program, performed by its deputy: one frame there, one frame back.
#include "abi/x86_64/ticks.hh"
#include "guest/guest.hh"
#include "guest/time_limit.hh"
#include "rt/futex.hh"
#include "rt/memory.hh"

namespace rove::guest {

using rt::Got;
using syscalls::Plan;
using syscalls::ReplyHead;
using syscalls::Verdict;
using wire::LinkHeader;
using wire::LinkType;

namespace {

constexpr uint64_t output_size = wire::slot_buffer_size - rt::input_size;

/// Home has gone, or this copy has been left behind: nothing may happen here any more. The warden
/// sees the end of the link, too, and ends this process.
[[noreturn]] void stand_still(Slot& slot) {
    // Home runs another program by now, or nobody else looks into this memory: what its parent
    // waits for is this end.
    if (own(slot).executes || own(slot).shares) sys(231, 0);
    tell_warden(wire::ServiceType::home_lost, slot.index, 0);
    for (;;) {
        uint32_t never = 0;
        rt::futex_wait(&never, 0);
    }
}

LinkHeader request(Slot& slot, LinkType type, uint32_t length) {
    auto header = rt::make_header(type, length, slot.sequence);
    header.mask = slot.thread.mask;
    header.signals_seen = slot.thread.signals_seen;
    if (own(slot).signals_queued == 0) header.flags |= wire::flag_taken;
    own(slot).sent_mask = slot.thread.mask;
    count(control().exchanged, 1);
    return header;
}

bool send_call(Slot& slot, Plan& plan) {
    auto* out = rt::buffer(slot) + rt::input_size;
    uint64_t head = sizeof(LinkHeader) + syscalls::call_size(plan);
    auto memory = user_memory();
    ++slot.sequence;
    auto header = request(
        slot, LinkType::call, static_cast<uint32_t>(head - sizeof(LinkHeader) + plan.in_bytes));
    memcpy(out, &header, sizeof header);
    syscalls::write_call(plan, out + sizeof header);
    if (head + plan.in_bytes <= output_size) {
        if (!syscalls::gather(plan, out + head, memory)) memset(out + head, 0, plan.in_bytes);
        return rt::send_bytes(slot, out, head + plan.in_bytes);
    }
    syscalls::Piece pieces[syscalls::segments_max + 1];
    int count = syscalls::in_pieces(plan, pieces + 1, syscalls::segments_max, memory);
    if (count >= 0) {
        pieces[0] = {word(out), head};
        static_assert(sizeof(syscalls::Piece) == sizeof(rt::Vector));
        return rt::send_all(slot, reinterpret_cast<rt::Vector*>(pieces), count + 1);
    }
    long copy = sys(9, 0, plan.in_bytes, 3, 0x22, -1, 0);
    if (copy < 0 && copy > -4096) return false;
    (void)syscalls::gather(plan, reinterpret_cast<void*>(copy), memory);
    rt::Vector both[2] = {{word(out), head}, {static_cast<uint64_t>(copy), plan.in_bytes}};
    bool sent = rt::send_all(slot, both, 2);
    sys(11, copy, plan.in_bytes);
    return sent;
}

/// The next reply; signal frames on the way are queued. A wish to park waits until the reply is
/// here: home answers every call before it moves a process.
void wait_reply(Slot& slot, LinkHeader& header) {
    bool stopped = false;
    for (;;) {
        Got got = rt::wait_header(slot, header);
        if (got == Got::closed) stand_still(slot);
        if (got == Got::interrupted) {
            stopped = true;
            own(slot).stop = 0;
            continue;
        }
        if (header.type == LinkType::signal && header.length == sizeof(wire::WireSignal)) {
            wire::WireSignal signal;
            if (!rt::take_to(slot, &signal, sizeof signal)) stand_still(slot);
            receive_signal(slot, signal);
            continue;
        }
        if (header.type == LinkType::reply || header.type == LinkType::fetched) {
            if (header.sequence != slot.sequence) stand_still(slot);
            count(control().exchanged, 1);
            if (stopped || (header.flags & wire::flag_parking)) own(slot).stop = 1;
            return;
        }
        stand_still(slot);
    }
}

struct Exchanged {
    long result;
    uint64_t bytes; // of data, both ways
    uint16_t flags;
    wire::WireSignal signal; // if flag_signal
};

/// `plan` is what was asked; its answer is taken from the link.
Exchanged receive_reply(Slot& slot, Plan& plan) {
    LinkHeader header;
    wait_reply(slot, header);
    if (header.length < sizeof(ReplyHead)) stand_still(slot);
    auto* at = rt::take(slot, sizeof(ReplyHead));
    if (!at) stand_still(slot);
    ReplyHead head;
    memcpy(&head, at, sizeof head);
    if (head.out_count > syscalls::segments_max) stand_still(slot);
    uint32_t lengths[syscalls::segments_max];
    if (!rt::take_to(slot, lengths, head.out_count * sizeof(uint32_t))) stand_still(slot);
    Exchanged out{};
    out.flags = header.flags;
    uint64_t want = sizeof head + head.out_count * sizeof(uint32_t) + uint64_t(head.out_bytes) +
                    ((header.flags & wire::flag_signal) ? sizeof(wire::WireSignal) : 0);
    if (want != header.length) stand_still(slot);
    syscalls::Scatter scatter;
    auto memory = user_memory();
    if (!scatter.begin(plan, head, lengths, memory)) stand_still(slot);
    while (scatter.left() > 0) {
        unsigned char* bytes;
        uint32_t n = rt::take_some(slot, scatter.left(), &bytes);
        if (n == 0) stand_still(slot);
        scatter.feed(bytes, n);
    }
    out.bytes = header.length + plan.in_bytes;
    if (header.flags & wire::flag_signal) {
        if (!rt::take_to(slot, &out.signal, sizeof out.signal)) stand_still(slot);
    }
    out.result = scatter.result();
    return out;
}

Exchanged exchange(Slot& slot, Plan& plan) {
    uint64_t began = abi::ticks();
    if (!send_call(slot, plan)) stand_still(slot);
    bool of_program = plan.nr != fetch_signals_call;
    auto& counts = counts_of(plan.nr);
    if (of_program) count(counts.forwarded, 1);
    Exchanged got = receive_reply(slot, plan);
    if (!of_program) return got;
    count(counts.ticks, abi::ticks() - began);
    count(counts.bytes, got.bytes);
    return got;
}

/// Calls during which the kernel uses another mask: pointer to it, or 0.
uint64_t temporary_mask(uint32_t nr, uint64_t const args[6]) {
    switch (nr) {
    case 130:
        return args[0]; // rt_sigsuspend
    case 271:
        return args[3]; // ppoll
    case 281:
        return args[4]; // epoll_pwait
    case 441:
        return args[4]; // epoll_pwait2
    case 270: {         // pselect6: {mask pointer, size}
        uint64_t mask = 0;
        if (args[5] != 0) (void)copy_in(&mask, args[5], sizeof mask);
        return mask;
    }
    default:
        return 0;
    }
}

/// The call's own mask blocks signals that the thread's does not: those do not end it.
bool blocks_more(Slot const& slot, uint32_t nr, uint64_t const args[6]) {
    uint64_t at = temporary_mask(nr, args);
    uint64_t mask;
    return at != 0 && copy_in(&mask, at, sizeof mask) && (mask & ~slot.thread.mask) != 0;
}

/// A queued signal that the call's own mask lets through ends it before it has begun.
bool interrupted_at_once(Slot& slot, UserContext& user, uint32_t nr, uint64_t const args[6]) {
    if (own(slot).signals_queued == 0) return false;
    uint64_t at = temporary_mask(nr, args);
    uint64_t mask;
    if (at == 0 || !copy_in(&mask, at, sizeof mask)) return false;
    uint64_t before = slot.thread.mask;
    slot.thread.mask = mask & ~rt::never_blocked;
    slot.thread.saved_mask = before;
    slot.thread.has_saved_mask = 1;
    user.rax = static_cast<uint64_t>(-4);
    bool delivered = deliver_queued(slot, user);
    if (!delivered) slot.thread.mask = before;
    slot.thread.has_saved_mask = 0;
    return delivered;
}

Answer settle(Slot& slot, UserContext& user, uint32_t nr, uint64_t const args[6],
    Exchanged const& got, WrittenTime const& written, long* result) {
    uint32_t number = got.signal.number;
    bool has_signal = (got.flags & wire::flag_signal) && number >= 1 && number <= 64;
    if (got.flags & wire::flag_go_home) {
        auto reason =
            got.result != 0 ? static_cast<HomeReason>(got.result) : HomeReason::descriptor_numbers;
        return go_home(slot, user, reason, nr);
    }
    if (got.flags & wire::flag_restart) {
        if (has_signal)
            receive_signal(slot, got.signal);
        else
            written.shorten(user);
        return Answer::redo;
    }
    *result = got.result;
    if (!has_signal) return Answer::result;
    if (got.flags & wire::flag_interrupted) {
        if (restarts(slot, number)) {
            receive_signal(slot, got.signal);
            return Answer::redo;
        }
        *result = -4;
    }
    if (*result == -4 && temporary_mask(nr, args) != 0) {
        ++slot.thread.signals_seen;
        user.rax = static_cast<uint64_t>(-4);
        if (!deliver(slot, user, number, got.signal.info)) return Answer::result;
        (void)forget_at_home(slot, user, number);
        say_taken(slot);
        return Answer::registers_set;
    }
    receive_signal(slot, got.signal);
    return Answer::result;
}

/// Calls that natively end only when all is moved. For those that do not block it does no harm to
/// try again.
bool moves_all(uint32_t nr, uint64_t const args[6]) {
    constexpr uint64_t wait_all = 0x100;
    return nr == 1 || nr == 20 || nr == 44 || nr == 46 || (nr == 45 && (args[3] & wait_all) != 0);
}

/// How much this round could move: the length of its buffer.
uint64_t round_length(Plan const& plan) {
    if (plan.nr == 20 || plan.nr == 46)
        return plan.count > 0 ? plan.segments[plan.count - 1].length : 0;
    for (unsigned i = 0; i < plan.count; ++i)
        if (plan.segments[i].holder == 1) return plan.segments[i].length;
    return 0;
}

/// The process is being moved, and the call has done a part: it goes on where the process will be.
Answer keep_rest(Slot& slot, uint32_t nr, uint64_t done) {
    slot.thread.rest_call = nr;
    slot.thread.rest_done = done;
    slot.thread.pending = wire::Pending::rest;
    return Answer::registers_set;
}

} // namespace

Answer forward(Slot& slot, UserContext& user, uint32_t nr, uint64_t const given[6], long* result,
    uint64_t done) {
    uint64_t args[6];
    memcpy(args, given, sizeof args);
    TimedCall timed(slot, user, nr, args);
    timed.shorten(args);
    if (interrupted_at_once(slot, user, nr, args)) return Answer::registers_set;
    auto memory = user_memory();
    syscalls::Limits limits;
    limits.done = done;
    WrittenTime written(nr);
    for (;;) {
        Plan plan;
        switch (syscalls::make_plan(plan, nr, args, memory, limits)) {
        case Verdict::answer:
            *result = plan.answer;
            return Answer::result;
        case Verdict::absent:
            *result = -38;
            return Answer::result;
        case Verdict::comes_home:
            return go_home(slot, user, HomeReason::unknown_call, nr);
        case Verdict::local:
            *result = rove_syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
            return Answer::result;
        case Verdict::forward:
        case Verdict::special:
        default:
            break;
        }
        Exchanged got = exchange(slot, plan);
        long r = 0;
        Answer answer = settle(slot, user, nr, args, got, written, &r);
        if (answer != Answer::result) {
            if (done == 0) {
                if (answer == Answer::redo) {
                    bool ended = got.result < 0 && !blocks_more(slot, nr, args);
                    timed.keep(slot, user, ended ? static_cast<int32_t>(got.result) : 0);
                }
                return answer;
            }
            if (answer == Answer::registers_set) return answer;
            if (own(slot).departed == 0 && deliverable(slot) == 0) return keep_rest(slot, nr, done);
            *result = static_cast<long>(done); // a part has been done: that is the answer
            return Answer::result;
        }
        if (r < 0) {
            *result = done > 0 ? static_cast<long>(done) : r;
            return Answer::result;
        }
        done += static_cast<uint64_t>(r);
        bool short_of = (got.flags & wire::flag_cut_off) && r > 0 &&
                        static_cast<uint64_t>(r) < round_length(plan);
        if (short_of && moves_all(nr, args) && deliverable(slot) == 0)
            return keep_rest(slot, nr, done);
        bool more = plan.cut && static_cast<uint64_t>(r) == plan.cut_at;
        if (!more || own(slot).signals_queued > 0) {
            *result = static_cast<long>(done);
            return Answer::result;
        }
        limits.done = done;
    }
}

Answer forward_plain(Slot& slot, UserContext& user, uint32_t nr, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d, uint64_t e, uint64_t f, long* result) {
    Plan plan;
    uint64_t const args[6] = {a, b, c, d, e, f};
    syscalls::begin_plan(plan, nr, args);
    Exchanged got = exchange(slot, plan);
    uint64_t const none[6] = {};
    return settle(slot, user, 0, none, got, {}, result);
}

void send_plan(Slot& slot, Plan& plan) {
    count(counts_of(plan.nr).forwarded, 1);
    if (!send_call(slot, plan)) stand_still(slot);
}

Answer take_answer(Slot& slot, UserContext& user, Plan& plan, long* result) {
    Exchanged got = receive_reply(slot, plan);
    uint64_t const none[6] = {};
    return settle(slot, user, 0, none, got, {}, result);
}

namespace {

/// What home's kernel has found out about the descriptors of a poll stands in home's memory.
void take_found(Slot& slot, uint64_t at, uint64_t count) {
    struct Polled {
        int fd;
        short events, found;
    } part[64];
    for (uint64_t done = 0; done < count;) {
        uint64_t wanted = count - done < 64 ? count - done : 64;
        if (fetch(slot, at + done * sizeof part[0], wanted * sizeof part[0], word(part)) !=
            wanted * sizeof part[0])
            return;
        for (uint64_t i = 0; i < wanted; ++i, ++done)
            (void)copy_out(at + done * sizeof part[0] + 6, &part[i].found, sizeof part[i].found);
    }
}

} // namespace

Answer await_restarted(Slot& slot, UserContext& user, long* result) {
    Plan plan;
    uint64_t const nothing[6] = {};
    syscalls::begin_plan(plan, 0, nothing);
    slot.sequence = 0;
    if (own(slot).ask_again) { // the move was called off
        own(slot).ask_again = 0;
        auto header = request(slot, LinkType::taken, 0);
        if (!rt::send_bytes(slot, &header, sizeof header)) stand_still(slot);
    }
    Exchanged got = receive_reply(slot, plan);
    bool ended = (got.flags & (wire::flag_signal | wire::flag_interrupted)) != 0;
    if ((got.flags & wire::flag_restart) && !ended) {
        own(slot).ask_again = 1;
        return Answer::redo;
    }
    if (got.flags & wire::flag_restart) { // a signal came first; what was left of the sleep is in
                                          // memory already
        if (got.flags & wire::flag_signal) receive_signal(slot, got.signal);
        *result = -4;
        return Answer::result;
    }
    int64_t rest[2];
    uint64_t at = slot.thread.sleep_remaining;
    if (got.result == -4 && at != 0 && fetch(slot, at, sizeof rest, word(rest)) == sizeof rest) {
        (void)copy_out(at, rest, sizeof rest); // home's kernel has written it into home's memory
    }
    constexpr uint32_t poll = 7;
    if (got.result >= 0 && slot.thread.rest_call == poll) take_found(slot, user.rdi, user.rsi);
    uint64_t const none[6] = {};
    return settle(slot, user, 0, none, got, {}, result);
}

uint64_t fetch(Slot& slot, uint64_t address, uint64_t length, uint64_t to) {
    uint64_t done = 0;
    while (done < length) {
        uint64_t part = length - done < (4u << 20) ? length - done : (4u << 20);
        wire::FetchRequest what{address + done, part};
        ++slot.sequence;
        auto header = request(slot, LinkType::fetch, sizeof what);
        unsigned char frame[sizeof header + sizeof what];
        memcpy(frame, &header, sizeof header);
        memcpy(frame + sizeof header, &what, sizeof what);
        if (!rt::send_bytes(slot, frame, sizeof frame)) stand_still(slot);
        wait_reply(slot, header);
        if (header.type != LinkType::fetched || header.length > part) stand_still(slot);
        if (!rt::take_to(slot, reinterpret_cast<void*>(to + done), header.length))
            stand_still(slot);
        done += header.length;
        if (header.length < part) break;
    }
    return done;
}

Answer go_home(Slot& slot, UserContext& user, HomeReason reason, uint32_t nr) {
    if (own(slot).shares) {
        user.rax = static_cast<uint64_t>(-38);
        return Answer::registers_set;
    }
    slot.home_reason = static_cast<uint32_t>(reason);
    slot.home_call = nr;
    own(slot).departed_resumes = __atomic_load_n(&control().resumes, __ATOMIC_ACQUIRE);
    wire::HomeRequest what{static_cast<uint32_t>(reason), nr};
    auto header = request(slot, LinkType::come_home, sizeof what);
    unsigned char frame[sizeof header + sizeof what];
    memcpy(frame, &header, sizeof header);
    memcpy(frame + sizeof header, &what, sizeof what);
    if (!rt::send_bytes(slot, frame, sizeof frame)) stand_still(slot);
    own(slot).departed = 1;
    if (nr == ~0u) return Answer::registers_set;
    return Answer::redo;
}

} // namespace rove::guest
