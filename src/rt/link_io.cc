// SPDX-License-Identifier: Apache-2.0
// Link I/O: see link_io.hh.
//
// Waiting: spin for a while, then block. With both ends on different CPUs this halves a round trip;
// with both on one CPU, or beside a busy thread, spinning only hurts, so after two misses it is
// left out for 16, 32, … 2048 waits, until one hits again. After a miss it looks for longer: the
// other end has most likely gone to sleep as well, and answers only when it has been woken. If both
// then missed that, both would go on sleeping though both could spin.
//
// It spins with receives: a look by poll first is one more call, and the receive after it waits for
// the CPU that still has the socket's lock, when a receive that is under way finds the packet in
// the backlog (0.5 µs of a 4 KiB answer).
#include "rt/link_io.hh"

#include "rt/memory.hh"

extern "C" uint64_t rove_copy(void* to, void const* from, uint64_t n); // → how much was not copied

namespace rove::rt {

using wire::LinkHeader;

namespace {

constexpr long eagain = -11;
constexpr long eintr = -4;
constexpr uint32_t looks_usual = 200, looks_after_miss = 800; // a look takes about 0.25 µs
constexpr int dont_wait = 0x40;

bool is_sealed(Slot& slot) {
    return own(slot).link.begun != 0;
}

/// All that is there moves to the buffer's beginning.
void move_down(Slot& slot) {
    auto& p = own(slot);
    memmove(buffer(slot), buffer(slot) + p.input_begin, p.input_end - p.input_begin);
    p.input_end -= p.input_begin;
    p.input_begin = 0;
    if (!is_sealed(slot)) return;
    uint32_t closed = p.sealed_end - p.sealed_begin;
    memmove(buffer(slot) + p.input_end, buffer(slot) + p.sealed_begin, closed);
    p.sealed_begin = p.input_end;
    p.sealed_end = p.input_end + closed;
}

/// Where the next bytes that come are put.
uint32_t& end_of_input(Slot& slot) {
    auto& p = own(slot);
    return is_sealed(slot) ? p.sealed_end : p.input_end;
}

/// Makes room behind the bytes that are there; returns how much.
uint32_t make_room(Slot& slot) {
    auto& p = own(slot);
    if (p.input_begin == p.input_end) {
        p.input_begin = p.input_end = 0;
        if (p.sealed_begin == p.sealed_end) p.sealed_begin = p.sealed_end = 0;
    }
    uint32_t wanted = is_sealed(slot) ? static_cast<uint32_t>(seal::record_max) : 1;
    if (input_size - end_of_input(slot) < wanted) move_down(slot);
    return input_size - end_of_input(slot);
}

long receive_now(Slot& slot) {
    uint32_t room = make_room(slot);
    return sys(45, slot.link_fd, buffer(slot) + end_of_input(slot), room, dont_wait);
}

/// Blocks for at least one byte more. `outcome` as of rove_call; mid-frame waits ignore `stop`.
long receive_blocking(Slot& slot, bool interruptible, uint32_t* outcome) {
    uint32_t room = make_room(slot);
    uint64_t args[6] = {static_cast<uint64_t>(slot.link_fd),
        word(buffer(slot) + end_of_input(slot)), room, 0, 0, 0};
    *outcome = 0;
    if (interruptible) return rove_call(45, args, &own(slot).stop, outcome);
    return sys(45, slot.link_fd, args[1], room, 0);
}

/// Keeps the link's window well below the room that its socket has: only then the kernel
/// acknowledges what is longer than a segment when it arrives, on the CPU that brings it, and not
/// in our receive, which then takes 2 µs more. It has to be said when such a segment has come, as
/// the kernel thinks anew of its windows then (since 6.6).
void settle_window(Slot& slot) {
    own(slot).window_settled = 1;
    uint32_t window = 512 << 10;
    (void)sys(54, slot.link_fd, 6, 10, &window,
        sizeof window); // setsockopt, IPPROTO_TCP, TCP_WINDOW_CLAMP
}

/// This thread's and this epoch's. In a session's memory no two threads have the same number.
seal::Purpose purpose_of(Slot& slot) {
    seal::Purpose purpose{};
    uint32_t const words[] = {static_cast<uint32_t>(slot.tid), own(slot).link_epoch};
    static_assert(sizeof words <= sizeof purpose);
    memcpy(&purpose, words, sizeof words);
    return purpose;
}

enum class Came { news, nothing_yet, end }; // end: or nonsense, which ends the link

/// Opens what has come whole, and puts it behind what was opened before.
Came open_records(Slot& slot) {
    using What = seal::Found::What;
    auto& p = own(slot);
    bool news = false;
    for (;;) {
        auto const* at = buffer(slot) + p.sealed_begin;
        if (p.sealed_begin < p.sealed_end && *at == bell) {
            ++p.sealed_begin;
            continue;
        }
        auto found = seal::find(at, p.sealed_end - p.sealed_begin);
        if (found.what == What::nothing_yet) return news ? Came::news : Came::nothing_yet;
        if (found.what == What::salt && p.link.begun == 1) {
            seal::agree(p.link, control().tokens[p.link_epoch & 1].secret, purpose_of(slot),
                at + seal::head_size);
        } else if (found.what == What::text &&
                   seal::take(p.link, at, found, buffer(slot) + p.input_end)) {
            p.input_end += found.length;
            news = true;
        } else {
            return Came::end;
        }
        p.sealed_begin += found.whole;
    }
}

Came add(Slot& slot, long got) {
    constexpr long segment = 1500;
    if (got <= 0) return Came::end;
    if (got > segment && !own(slot).window_settled) settle_window(slot);
    end_of_input(slot) += static_cast<uint32_t>(got);
    return is_sealed(slot) ? open_records(slot) : Came::news;
}

void spin_missed(rt::Private& p) {
    constexpr uint32_t pause_first = 16, pause_most = 2048;
    if (++p.spin_misses < 2) return;
    p.spin_pause = p.spin_pause == 0           ? pause_first
                   : p.spin_pause < pause_most ? p.spin_pause * 2
                                               : pause_most;
    p.spin_skip = p.spin_pause;
}

/// More input, spinning first if that has paid lately.
Got more(Slot& slot, bool interruptible) {
    auto& p = own(slot);
    if (p.spin_skip > 0) {
        --p.spin_skip;
    } else {
        uint32_t looks = p.spin_misses > 0 ? looks_after_miss : looks_usual;
        for (uint32_t i = 0; i < looks; ++i) {
            if (interruptible && p.stop) return Got::interrupted;
            long got = receive_now(slot);
            if (got == eagain || got == eintr) continue;
            Came came = add(slot, got);
            if (came == Came::end) return Got::closed;
            if (came == Came::nothing_yet) continue;
            p.spin_misses = 0;
            p.spin_pause = 0;
            return Got::frame;
        }
        spin_missed(p);
    }
    for (;;) {
        uint32_t outcome = 0;
        long got = receive_blocking(slot, interruptible, &outcome);
        bool made = outcome == 0 || outcome == 3; // 3: it had its result when it was called off
        if (!made || got == eintr) {
            if (interruptible) return Got::interrupted;
            continue;
        }
        Came came = add(slot, got);
        if (came != Came::nothing_yet) return came == Came::news ? Got::frame : Got::closed;
    }
}

void skip_bells(Slot& slot) {
    auto& p = own(slot);
    while (p.input_begin < p.input_end && buffer(slot)[p.input_begin] == bell)
        ++p.input_begin;
}

Got header_from_input(Slot& slot, LinkHeader& header) {
    auto& p = own(slot);
    while (p.input_end - p.input_begin < sizeof header) {
        if (Got got = more(slot, false); got != Got::frame) return got;
    }
    memcpy(&header, buffer(slot) + p.input_begin, sizeof header);
    p.input_begin += sizeof header;
    bool good = header.magic == wire::link_magic && header.version == wire::link_version &&
                header.reserved == 0 && header.reserved2 == 0 &&
                header.length <= wire::link_body_max;
    return good ? Got::frame : Got::closed;
}

} // namespace

Got wait_header(Slot& slot, LinkHeader& header) {
    auto& p = own(slot);
    for (;;) {
        skip_bells(slot);
        if (p.input_begin < p.input_end) return header_from_input(slot, header);
        if (Got got = more(slot, true); got != Got::frame) return got;
    }
}

Got poll_header(Slot& slot, LinkHeader& header) {
    auto& p = own(slot);
    for (;;) {
        skip_bells(slot);
        if (p.input_begin < p.input_end) return header_from_input(slot, header);
        long got = receive_now(slot);
        if (got == eagain || got == eintr) return Got::interrupted;
        if (add(slot, got) == Came::end) return Got::closed;
    }
}

void put_back(Slot& slot, LinkHeader const&) {
    own(slot).input_begin -= sizeof(LinkHeader);
}

unsigned char* take(Slot& slot, uint32_t n) {
    auto& p = own(slot);
    if (n > taken_max) return nullptr;
    if (input_size - p.input_begin < n) move_down(slot);
    while (p.input_end - p.input_begin < n) {
        if (more(slot, false) != Got::frame) return nullptr;
    }
    auto* at = buffer(slot) + p.input_begin;
    p.input_begin += n;
    return at;
}

uint32_t take_some(Slot& slot, uint32_t most, unsigned char** at) {
    auto& p = own(slot);
    if (p.input_begin == p.input_end && more(slot, false) != Got::frame) return 0;
    uint32_t there = p.input_end - p.input_begin;
    uint32_t n = there < most ? there : most;
    *at = buffer(slot) + p.input_begin;
    p.input_begin += n;
    return n;
}

bool take_to(Slot& slot, void* to, uint64_t n) {
    auto& p = own(slot);
    auto* at = static_cast<unsigned char*>(to);
    uint64_t there = p.input_end - p.input_begin;
    uint64_t first = there < n ? there : n;
    memcpy(at, buffer(slot) + p.input_begin, first);
    p.input_begin += static_cast<uint32_t>(first);
    at += first;
    n -= first;
    while (is_sealed(slot) && n > 0) {
        unsigned char* part;
        uint32_t some =
            take_some(slot, n < input_size ? static_cast<uint32_t>(n) : input_size, &part);
        if (some == 0) return false;
        memcpy(at, part, some);
        at += some;
        n -= some;
    }
    // The rest of a frame is on its way: it is hardly worth going to sleep for.
    for (uint32_t spins = p.spin_skip > 0 ? looks_usual : 0; n > 0;) {
        bool spin = spins < looks_usual;
        long got = sys(45, slot.link_fd, at, n, spin ? dont_wait : 0x100); // MSG_WAITALL
        if (got == eintr) continue;
        if (got == eagain) {
            ++spins;
            continue;
        }
        if (got <= 0) return false;
        at += got;
        n -= static_cast<uint64_t>(got);
    }
    return true;
}

namespace {

bool send_plain(int fd, void const* bytes, uint64_t n, int flags) {
    auto const* at = static_cast<unsigned char const*>(bytes);
    while (n > 0) {
        long put = sys(44, fd, at, n, 0x4000 | flags); // MSG_NOSIGNAL
        if (put == eintr) continue;
        if (put <= 0) return false;
        at += put;
        n -= static_cast<uint64_t>(put);
    }
    return true;
}

/// The keys follow from both sides' salts, and the other's may not have come yet.
bool await_salt(Slot& slot) {
    while (own(slot).link.begun == 1) {
        uint32_t outcome;
        long got = receive_blocking(slot, false, &outcome);
        if (got != eintr && add(slot, got) == Came::end) return false;
    }
    return true;
}

bool is_ours(uint64_t address) {
    return address - region_base() < wire::region_size;
}

/// The program's memory, which may vanish under our hands; ours cannot. A guest catches the fault
/// (rove_copy), at home the kernel copies: no handler is ours there.
bool copy_text(void* to, uint64_t from, uint64_t n) {
    if (is_ours(from)) {
        memcpy(to, reinterpret_cast<void const*>(from), n);
        return true;
    }
    if (control().is_guest) return rove_copy(to, reinterpret_cast<void const*>(from), n) == 0;
    Vector here{word(to), n}, there{from, n};
    return sys(310, control().pid, &here, 1, &there, 1, 0) ==
           static_cast<long>(n); // process_vm_readv
}

/// The next record's text, gathered; where it lies. Null: it cannot be read.
void const* gather_text(Vector*& vectors, int& count, unsigned char* room, uint64_t* length) {
    if (vectors->length >= seal::text_max || count == 1) {
        *length = vectors->length < seal::text_max ? vectors->length : seal::text_max;
        if (is_ours(vectors->base)) return reinterpret_cast<void const*>(vectors->base);
        return copy_text(room, vectors->base, *length) ? room : nullptr;
    }
    *length = 0;
    Vector const* from = vectors;
    for (int left = count; left > 0 && *length < seal::text_max; ++from, --left) {
        uint64_t some = seal::text_max - *length;
        if (some > from->length) some = from->length;
        if (some > 0 && !copy_text(room + *length, from->base, some)) return nullptr;
        *length += some;
    }
    return room;
}

bool send_sealed(Slot& slot, Vector* vectors, int count) {
    if (!await_salt(slot)) return false;
    auto& link = own(slot).link;
    unsigned char record[seal::record_max];
    while (count > 0) {
        if (vectors->length == 0) {
            ++vectors;
            --count;
            continue;
        }
        uint64_t length;
        void const* text = gather_text(vectors, count, record + seal::head_size, &length);
        if (!text) return false;
        pass(vectors, count, length);
        constexpr int more_follows = 0x8000; // MSG_MORE
        uint64_t whole = seal::put(link, text, length, record);
        if (!send_plain(slot.link_fd, record, whole, count > 0 ? more_follows : 0)) return false;
    }
    return true;
}

} // namespace

void begin_link(Slot& slot, int fd, uint32_t epoch) {
    auto& p = own(slot);
    p.input_begin = p.input_end = p.sealed_begin = p.sealed_end = 0;
    p.window_settled = 0;
    p.link.begun = 0;
    p.link_epoch = epoch;
    if (control().sealed[epoch & 1] == 0) return;
    unsigned char salt[seal::salt_size], record[seal::salt_record_size];
    if (sys(318, salt, sizeof salt, 0) != sizeof salt) bug(11); // getrandom
    auto side = control().is_guest ? seal::Side::host : seal::Side::home;
    seal::begin(p.link, seal::Use::link, side, salt, record);
    (void)send_plain(fd, record, sizeof record, 0); // a link that has ended is noticed elsewhere
}

bool send_bytes(Slot& slot, void const* bytes, uint64_t n) {
    Vector all{word(bytes), n};
    return is_sealed(slot) ? send_sealed(slot, &all, 1) : send_plain(slot.link_fd, bytes, n, 0);
}

bool send_all(Slot& slot, Vector* vectors, int count) {
    if (is_sealed(slot)) return send_sealed(slot, vectors, count);
    // A guest uses writev, whose arguments its filter can check; SIGPIPE means nothing there. A
    // deputy has the program's disposition of SIGPIPE and must not raise it.
    if (count == 1)
        return send_bytes(slot, reinterpret_cast<void*>(vectors->base), vectors->length);
    while (count > 0) {
        if (vectors->length == 0) {
            ++vectors;
            --count;
            continue;
        }
        long put;
        if (control().is_guest) {
            put = sys(20, slot.link_fd, vectors, count);
        } else {
            struct {
                uint64_t name;
                uint32_t name_length, padding;
                uint64_t vectors, count, space, space_length;
                uint32_t flags, padding2;
            } message{0, 0, 0, word(vectors), static_cast<uint64_t>(count), 0, 0, 0, 0};
            put = sys(46, slot.link_fd, &message, 0x4000);
        }
        if (put == eintr) continue;
        if (put <= 0) return false;
        pass(vectors, count, static_cast<uint64_t>(put));
    }
    return true;
}

void ring_bell(Slot& slot) {
    unsigned char byte = bell;
    (void)sys(44, slot.link_fd, &byte, 1, 0x4000 | 1); // MSG_OOB
}

} // namespace rove::rt
