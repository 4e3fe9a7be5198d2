// SPDX-License-Identifier: Apache-2.0
// Serve: the deputy's loop: take a frame, do what it says, answer.
//
// While the process is being moved, every call gets an answer at once: `restart`, not performed. So
// a guest thread never parks with a call on its way, and nothing is done twice or lost.
#include "deputy/deputy.hh"

#include "deputy/large_scratch.hh"
#include "rt/futex.hh"
#include "rt/memory.hh"

namespace rove::deputy {

using rt::Got;
using rt::Vector;
using syscalls::CallHead;
using syscalls::Placement;
using syscalls::Reply;
using wire::LinkHeader;
using wire::LinkType;

namespace {

// Scratch lies behind the link's input; a little room before it is for the head of an answer whose
// bytes lie there.
constexpr uint64_t head_room = 192;
constexpr uint64_t scratch_offset = rt::input_size + head_room;
constexpr uint64_t scratch_size = wire::slot_buffer_size - scratch_offset;

bool pending_signal(Slot& slot) {
    return own(slot).signals_recorded == 1;
}

/// Attaches a recorded signal to the reply that is about to be sent.
void attach_signal(Slot& slot, uint16_t* flags) {
    if (!pending_signal(slot)) return;
    *flags |= wire::flag_signal;
    own(slot).signals_recorded = 2; // on its way
    ++slot.signals_sent;
}

// A signal that is to dump core waits for the program's memory and registers (leave() gives it back
// to the kernel): the thread gets no further until it is fetched.
bool ends_at_home(Slot& slot) {
    return own(slot).signals_recorded == 3;
}

void await_parking(Slot& slot, uint16_t* flags) {
    if (!ends_at_home(slot)) return;
    while (rt::phase() == Phase::serving) {
        (void)ask_home_for_core(
            slot); // once more: a move may have failed, or its steward have died
        rt::futex_wait(
            reinterpret_cast<uint32_t*>(&control().phase), static_cast<uint32_t>(Phase::serving));
    }
    *flags |= wire::flag_parking;
}

bool send_reply(Slot& slot, uint32_t sequence, Reply& reply, uint16_t flags) {
    await_parking(slot, &flags);
    // A signal recorded during the call goes with its reply: natively its handler would run first.
    attach_signal(slot, &flags);
    Vector vectors[syscalls::segments_max + 3];
    auto header = rt::make_header(LinkType::reply, 0, sequence);
    header.flags = flags;
    uint64_t head = syscalls::reply_size(reply);
    uint64_t total = head;
    int count = 0;
    vectors[count++] = {word(&header), sizeof header};
    vectors[count++] = {word(&reply), head};
    for (int i = 0; i < reply.piece_count; ++i) {
        vectors[count++] = {reply.pieces[i].address, reply.pieces[i].length};
        total += reply.pieces[i].length;
    }
    if (flags & wire::flag_signal) {
        vectors[count++] = {word(&own(slot).signals[0]), sizeof(wire::WireSignal)};
        total += sizeof(wire::WireSignal);
    }
    header.length = static_cast<uint32_t>(total);
    // One piece in the slot's scratch: the head goes before it, and all is sent as it lies.
    uint64_t head_bytes = sizeof header + head;
    if (count == 3 && !(flags & wire::flag_signal)) {
        uint64_t piece = vectors[2].base, area = word(rt::buffer(slot)) + rt::input_size;
        if (piece >= area + head_bytes && piece < word(rt::buffer(slot)) + wire::slot_buffer_size) {
            memcpy(reinterpret_cast<void*>(piece - head), &reply, head);
            memcpy(reinterpret_cast<void*>(piece - head_bytes), &header, sizeof header);
            return rt::send_bytes(
                slot, reinterpret_cast<void const*>(piece - head_bytes), total + sizeof header);
        }
    }
    // Small answers as one piece: one copy is cheaper than a vector.
    unsigned char small[512];
    if (total + sizeof header <= sizeof small) {
        uint64_t at = 0;
        for (int i = 0; i < count; ++i) {
            memcpy(small + at, reinterpret_cast<void const*>(vectors[i].base), vectors[i].length);
            at += vectors[i].length;
        }
        return rt::send_bytes(slot, small, at);
    }
    return rt::send_all(slot, vectors, count);
}

bool answer(Slot& slot, uint32_t sequence, long result, uint16_t flags) {
    Reply reply;
    reply.head = {};
    reply.head.result = result;
    reply.piece_count = 0;
    return send_reply(slot, sequence, reply, flags);
}

} // namespace

long perform(Slot& slot, uint32_t nr, uint64_t const args[6], uint16_t* flags) {
    uint32_t outcome = 0;
    rt::set_state(slot, SlotState::in_call);
    if (rt::phase() == Phase::parking) {
        rt::set_state(slot, SlotState::busy);
        *flags |= wire::flag_restart | wire::flag_parking;
        return 0;
    }
    long result;
    if (nr == 97 || nr == 160 || nr == 302 ||
        nr == 322) { // limits: the porter lifts one for a moment, see rt/number_room.hh
        rt::Lock lock(&control().lock);
        result = rove_call(nr, args, &own(slot).stop, &outcome);
    } else {
        result = rove_call(nr, args, &own(slot).stop, &outcome);
    }
    rt::set_state(slot, SlotState::busy);
    own(slot).stop = 0;
    if (outcome == 1 || outcome == 4) *flags |= wire::flag_restart;
    if (outcome == 2) *flags |= wire::flag_interrupted;
    if (outcome == 3) *flags |= wire::flag_cut_off;
    if (rt::phase() == Phase::parking) *flags |= wire::flag_parking;
    return outcome == 1 || outcome == 2 ? 0 : result;
}

namespace {

bool drop_input(Slot& slot, uint32_t left) {
    unsigned char* bytes;
    while (left > 0) {
        uint32_t n = rt::take_some(slot, left, &bytes);
        if (n == 0) return false;
        left -= n;
    }
    return true;
}

/// A sleep that was under way when the process left goes on here, where its end is known.
bool finish_restart(Slot& slot) {
    if (own(slot).signals_recorded !=
        0) { // one that the guest has, or gets with the answer, ends the wait
        slot.private_words[wire::restart_word] = 0;
        return answer(slot, 0, 0, wire::flag_restart | wire::flag_interrupted);
    }
    uint16_t flags = 0;
    uint64_t const none[6] = {};
    long result = perform(slot, 219, none, &flags);
    bool called_off = (flags & wire::flag_restart) != 0;
    bool sent = answer(slot, 0, called_off ? 0 : result, flags);
    // Called off by a move, it is still owed; a signal, which went with the answer, ends it.
    bool owed = called_off && own(slot).signals_recorded != 2;
    if (!owed) slot.private_words[wire::restart_word] = 0;
    return sent;
}

/// A call frame of `length` bytes is next on the link. False when the link has ended.
bool serve_call(Slot& slot, LinkHeader const& header) {
    if (header.length < sizeof(CallHead)) return false;
    CallHead head;
    if (!rt::take_to(slot, &head, sizeof head)) return false;
    if (head.segment_count > syscalls::segments_max) return false;
    uint64_t head_bytes = sizeof head + head.segment_count * sizeof(syscalls::WireSegment);
    if (head_bytes + head.in_bytes != header.length) return false;
    unsigned char body[syscalls::call_head_max];
    memcpy(body, &head, sizeof head);
    if (!rt::take_to(slot, body + sizeof head, head_bytes - sizeof head)) return false;

    bool unseen =
        header.signals_seen != slot.signals_sent || pending_signal(slot) || ends_at_home(slot);
    if (unseen || rt::phase() == Phase::parking) { // first the signal, or the move
        if (!drop_input(slot, head.in_bytes)) return false;
        // The signal that is on its way precedes this answer on the link.
        uint16_t flags = wire::flag_restart;
        if (rt::phase() == Phase::parking) flags |= wire::flag_parking;
        return answer(slot, header.sequence, 0, flags);
    }

    if (head.nr == 60) { // exit of this thread: answered first, then it ends here, then there
        (void)answer(slot, header.sequence, 0, 0);
        end_thread(slot, static_cast<int>(head.args[0]));
    }
    Done done;
    if (head.segment_count == 0 && perform_special(slot, head.nr, head.args, done)) {
        return answer(slot, header.sequence, done.result, done.flags);
    }
    LargeScratch large;
    // The region's first page is never mapped: a fault that is due finds it.
    syscalls::Scratch scratch{
        word(rt::buffer(slot)) + scratch_offset, scratch_size, rt::region_base()};
    bool breaks = syscalls::breaks_off(body, head_bytes);
    if (uint64_t wanted = syscalls::scratch_wanted(body, head_bytes);
        wanted > scratch_size || breaks) {
        if (!large.get(slot, wanted)) {
            if (!drop_input(slot, head.in_bytes)) return false;
            return answer(slot, header.sequence, -12, 0);
        }
        scratch = {large.address, large.size, large.address + large.size};
    }
    Placement placement;
    long placed = syscalls::place(placement, body, head_bytes, scratch);
    auto at_home = [&](wire::HomeReason reason) {
        return answer(slot, header.sequence, static_cast<long>(reason), wire::flag_go_home);
    };
    if (placed == -1) {
        if (!drop_input(slot, head.in_bytes)) return false;
        return at_home(wire::HomeReason::unknown_call);
    }
    if (placed != 0) return false;
    syscalls::Piece pieces[syscalls::segments_max];
    int count = syscalls::in_list(placement, pieces);
    for (int i = 0; i < count; ++i) {
        if (!rt::take_to(slot, reinterpret_cast<void*>(pieces[i].address), pieces[i].length))
            return false;
    }
    if (syscalls::patch(placement) != 0) return false;

    uint16_t flags = 0;
    if (!hide_numbers(placement)) return at_home(wire::HomeReason::descriptor_numbers);
    if (placement.nr == 322) {
        long failed = execute(slot, placement, &flags);
        return answer(slot, header.sequence, failed, flags);
    }
    Look look = look_at_path(placement);
    if (look.home != wire::HomeReason::none) return at_home(look.home);
    long result = look.error;
    if (result == 0) {
        uint32_t const rooms = rooms_opened();
        result = perform(slot, placement.nr, placement.args, &flags);
        if ((flags & (wire::flag_restart | wire::flag_interrupted)) == 0)
            result = lowest_number(rooms, placement.nr, placement.args, result);
    }
    // Its own lease has turned it away: at home there is none.
    bool opens =
        placement.nr == 2 || placement.nr == 85 || placement.nr == 257 || placement.nr == 437;
    if (opens && result == -11 && control().own_files != 0)
        return at_home(wire::HomeReason::shared_file_mapping);
    // Not performed: what the kernel has written (the rest of a timeout, for one) is not the
    // program's.
    if (flags & wire::flag_restart) {
        if (placement.nr == 3) note_number(static_cast<int32_t>(placement.args[0]));
        return answer(slot, header.sequence, result, flags);
    }
    switch (placement.nr) {
    case 217:
    case 78: // getdents: what is ours is taken out; an empty listing would be its end
        while (result > 0) {
            long left = hide_entries(static_cast<int>(placement.args[0]),
                reinterpret_cast<unsigned char*>(placement.args[1]), result, placement.nr == 217);
            result = left > 0 ? left
                              : sys(placement.nr, placement.args[0], placement.args[1],
                                    placement.args[2]);
            if (left > 0) break;
        }
        break;
    case 0:
    case 17:
    case 19:
    case 295:
    case 327:
        result = hide_thread(placement, result);
        break;
    default:
        break;
    }
    if (look.counts_threads && result >= 0) remember_counting(static_cast<int>(result));
    if (!show_numbers(placement, &result)) return at_home(wire::HomeReason::descriptor_numbers);
    Reply reply;
    syscalls::reply_layout(placement, result, reply);
    return send_reply(slot, header.sequence, reply, flags);
}

/// Memory of a mapping that was just made here for the guest.
bool serve_fetch(Slot& slot, LinkHeader const& header) {
    wire::FetchRequest what;
    if (header.length != sizeof what || !rt::take_to(slot, &what, sizeof what)) return false;
    uint64_t base = rt::region_base();
    bool inside = what.address < base + wire::region_size && what.address + what.length > base;
    uint64_t length = inside || what.length > (64u << 20) ? 0 : what.length;
    // How much can be read: behind a file's end there is nothing. The kernel tells, by a byte of
    // each page; it needs no descriptor for that, as the program may have taken all that there are.
    uint64_t there = 0;
    constexpr uint64_t batch = 64;
    Vector pages[batch];
    unsigned char bytes[batch];
    Vector into{word(bytes), batch};
    while (there < length) {
        uint64_t count = 0;
        for (; count < batch && there + count * 4096 < length; ++count)
            pages[count] = {what.address + there + count * 4096, 1};
        long seen = sys(310, control().pid, &into, 1, pages, count, 0); // process_vm_readv
        if (seen > 0) there += static_cast<uint64_t>(seen) * 4096;
        if (seen != static_cast<long>(count)) break;
    }
    if (there > length) there = length;
    auto reply = rt::make_header(LinkType::fetched, static_cast<uint32_t>(there), header.sequence);
    Vector vectors[2] = {{word(&reply), sizeof reply}, {what.address, there}};
    return rt::send_all(slot, vectors, 2);
}

/// The link is no more: the process goes home, or to another host, or its host is lost (then the
/// steward ends the process). Two moves may have been made before this thread is told of one, and
/// then the new link may have the old one's number: the epoch tells.
bool link_goes_on(Slot& slot, int old_fd, uint32_t old_epoch) {
    rt::set_state(slot, SlotState::waiting);
    for (;;) {
        Phase now = rt::phase();
        if (now == Phase::released) return false;
        uint32_t epoch = __atomic_load_n(&control().epoch, __ATOMIC_ACQUIRE);
        if (now == Phase::serving && (slot.link_fd != old_fd || epoch != old_epoch)) {
            settle_signals(slot);
            if (ends_at_home(slot)) (void)ask_home_for_core(slot);
            apply_mask(slot,
                slot.thread
                    .mask); // the next signal may come now, though the guest says nothing for long
            return true;
        }
        rt::futex_wait(reinterpret_cast<uint32_t*>(&control().phase), static_cast<uint32_t>(now));
    }
}

bool serve_frame(Slot& slot, LinkHeader const& header) {
    if (header.epoch != static_cast<uint16_t>(control().epoch)) return false;
    if ((header.flags & wire::flag_taken) && header.signals_seen == slot.signals_sent)
        signal_taken(slot);
    apply_mask(slot, header.mask);
    switch (header.type) {
    case LinkType::call:
        return serve_call(slot, header);
    case LinkType::fetch:
        return serve_fetch(slot, header);
    case LinkType::taken: // of a signal, or a wish that an owed wait goes on
        if (header.length != 0) return false;
        return slot.private_words[wire::restart_word] == 0 || finish_restart(slot);
    case LinkType::come_home: {
        wire::HomeRequest what;
        if (header.length != sizeof what || !rt::take_to(slot, &what, sizeof what)) return false;
        alarm(wire::AlarmType::home_wanted, slot.index, what.reason | uint64_t(what.call) << 32);
        return true;
    }
    case LinkType::none:
    case LinkType::reply:
    case LinkType::signal:
    case LinkType::fetched:
    case LinkType::actions:
    default:
        return false;
    }
}

} // namespace

void serve(Slot& slot) {
    auto& mine = own(slot);
    for (;;) {
        uint32_t epoch = __atomic_load_n(&control().epoch, __ATOMIC_ACQUIRE);
        int fd;
        do { // the steward may just be putting another one there
            fd = __atomic_load_n(&slot.link_fd, __ATOMIC_ACQUIRE);
            // Not the epoch above: a link is of no older one than its number.
            rt::begin_link(slot, fd, __atomic_load_n(&control().epoch, __ATOMIC_ACQUIRE));
        } while (fd != __atomic_load_n(&slot.link_fd, __ATOMIC_ACQUIRE));
        slot.signals_sent = 0;
        bool alive = slot.private_words[wire::restart_word] == 0 || finish_restart(slot);
        while (alive) {
            LinkHeader header;
            rt::set_state(slot, SlotState::idle);
            if (pending_signal(slot)) {
                send_recorded(slot);
                continue;
            }
            Got got = rt::wait_header(slot, header);
            rt::set_state(slot, SlotState::busy);
            mine.stop = 0;
            if (got == Got::interrupted) {
                if (rt::phase() == Phase::released) return;
                continue;
            }
            alive = got == Got::frame && serve_frame(slot, header);
        }
        // Whatever is wrong with it, this link is not used again. One that has been replaced was
        // shut down before, and its number may be somebody else's by now.
        if (slot.link_fd == fd) sys(48, fd, 2);
        if (!link_goes_on(slot, fd, epoch)) return;
    }
}

} // namespace rove::deputy
