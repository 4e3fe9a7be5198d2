// SPDX-License-Identifier: Apache-2.0
// Patch: hot call sites jump into the runtime instead of trapping, which saves the 1.4 µs of a
// SIGSYS.
//
// Only the `mov $number, %eax` in front of a `syscall` is replaced, by a jump to a detour in the
// unused end of the same text; the `syscall` stays, so whoever comes to it on another way traps as
// ever. The detour leads to rove_patched_entry, with nothing changed but RCX, which a `syscall`
// changes anyway.
//
// Such a call has no signal frame and so no extended state to hand over: it is for calls that home
// performs, or the mailbox's own, and that end with a result. Whatever else turns out to be due (a
// signal, a move), this thread kicks itself: the kernel's frame of that, with the call's registers
// put in, is the program's state as at any other boundary.
//
// Sites are patched while the process has one thread, which is the one that patches; that of the
// mailbox's library, which lies in one aligned word, also while others may execute it. Threads
// stand still in their own text or in front of a call, never in a detour (see leave_detour), so
// the warden can take all patches back when they park.
#include "abi/x86_64/call_site.hh"
#include "guest/guest.hh"
#include "rt/futex.hh"
#include "rt/memory.hh"

extern "C" void rove_patched_entry();

namespace rove::guest {

namespace {

constexpr uint32_t traps_until_hot = 24;
constexpr uint64_t page = 4096;
using abi::call_site_mov, abi::call_site_size;

struct Detour {
    uint64_t entry;
    uint8_t code[16]; // lea next(%rip), %rcx; jmp *entry(%rip)
    uint64_t next;    // address behind the `syscall`
    uint64_t number;
};
constexpr uint64_t code_offset = offsetof(Detour, code);
static_assert(sizeof(Detour) == wire::detour_size && code_offset == wire::detour_code);

void put_offset(uint8_t* at, uint64_t from, uint64_t to) {
    auto offset = static_cast<int32_t>(static_cast<int64_t>(to - from));
    memcpy(at, &offset, sizeof offset);
}

Detour make_detour(uint64_t at, uint64_t next, uint32_t nr) {
    Detour detour{word(&rove_patched_entry),
        {0x48, 0x8d, 0x0d, 0, 0, 0, 0, 0xff, 0x25, 0, 0, 0, 0, 0xcc, 0xcc, 0xcc}, next, nr};
    uint64_t code = at + code_offset;
    put_offset(detour.code + 3, code + 7, at + offsetof(Detour, next));
    put_offset(detour.code + 9, code + 13, at + offsetof(Detour, entry));
    return detour;
}

bool set_writable(uint64_t address, bool writable) {
    return sys(10, address & ~(page - 1), page, writable ? 7 : 5) == 0; // mprotect
}

/// Writes into a page of text, which nobody else executes meanwhile.
bool write_text(uint64_t address, void const* bytes, uint64_t length) {
    if (!set_writable(address, true)) return false;
    bool written = copy_out(address, bytes, length);
    return set_writable(address, false) && written;
}

/// The same of a site that others may execute meanwhile: each of them sees it as it was or as it
/// will be. The detour is there for all of them, for a change of protection reaches every CPU.
bool write_shared_site(uint64_t site, uint8_t const (&jump)[call_site_mov]) {
    uint64_t whole;
    if (!copy_in(&whole, site, sizeof whole)) return false;
    memcpy(&whole, jump, sizeof jump);
    if (!set_writable(site, true)) return false;
    __atomic_store_n(reinterpret_cast<uint64_t*>(site), whole, __ATOMIC_RELEASE);
    return set_writable(site, false);
}

/// What a patched call may be: performed at home, without a mask of its own, and not the runtime's
/// business; or a mailbox's, which ends with a result as those do.
bool may_be_patched(uint32_t nr) {
    static constexpr uint32_t calls[] = {
        0,
        1,
        2,
        3,
        4,
        5,
        6,
        8,
        17,
        18,
        19,
        20,
        21,
        44,
        45,
        46,
        47,
        72,
        74,
        75,
        76,
        77,
        79,
        80,
        82,
        83,
        84,
        85,
        86,
        87,
        88,
        89,
        90,
        91,
        102,
        104,
        107,
        108,
        110,
        111,
        217,
        257,
        258,
        262,
        263,
        264,
        267,
        268,
        269,
        288,
        292,
        295,
        296,
        332,
        wire::mail_call,
    };
    for (uint32_t call : calls)
        if (call == nr) return true;
    return false;
}

/// Under the lock.
bool patch(uint64_t next, uint32_t nr, bool others_run) {
    auto& c = control();
    if (c.patch_sites_count >= wire::patch_sites_max || c.patch_texts_count > wire::patch_texts_max)
        return false;
    uint64_t site = next - call_site_size;
    uint8_t code[call_site_size];
    if (site % page > page - call_site_mov || !copy_in(code, site, sizeof code)) return false;
    if (abi::number_at_call_site(code) != static_cast<int>(nr)) return false;
    for (uint32_t i = 0; i < c.patch_texts_count; ++i) {
        auto& text = c.patch_texts[i];
        if (site < text.start || next > text.end || text.end - text.start > 1ull << 30) continue;
        uint64_t at = text.room;
        uint8_t tail[sizeof text.tail];
        if (at + sizeof(Detour) > text.room_end) return false;
        if (!copy_in(tail, text.tail_address, sizeof tail) ||
            memcmp(tail, text.tail, sizeof tail) != 0)
            return false;
        // A program that has made its text writable has plans of its own with it.
        auto memory = user_memory();
        if (memory.writable(site, 1) != 0 || memory.writable(at, 1) != 0) return false;
        Detour detour = make_detour(at, next, nr);
        if (!write_text(at, &detour, sizeof detour)) return false;
        text.room += sizeof detour;
        c.patch_sites[c.patch_sites_count] = {site, at, nr};
        uint8_t jump[call_site_mov] = {0xe9};
        put_offset(jump + 1, site + call_site_mov, at + code_offset);
        __atomic_store_n(&c.patch_sites_count, c.patch_sites_count + 1, __ATOMIC_RELEASE);
        return others_run ? write_shared_site(site, jump) : write_text(site, jump, sizeof jump);
    }
    return false;
}

bool lies_in_one_word(uint64_t next) {
    return (next - call_site_size) % sizeof(uint64_t) == 0;
}

/// Something must be done before the program goes on.
bool owed(Slot& slot) {
    auto& mine = own(slot);
    return mine.stop != 0 || mine.departed != 0 || deliverable(slot) != 0 ||
           mine.signals_wanted != 0 || !goes_on(slot) || slot.thread.pending != wire::Pending::none;
}

} // namespace

void offer_text(uint64_t start, uint64_t end) {
    constexpr uint64_t guard =
        64; // as the warden has it, which tells of what is there from the start
    auto& c = control();
    uint8_t last[page];
    if (!c.patch_allowed || !copy_in(last, end - page, page)) return;
    uint64_t used = page;
    while (used > 0 && last[used - 1] == 0)
        --used;
    wire::PatchText text{start, end, (end - page + used + guard + 7) & ~7ull, end, 0, {}};
    if (used < sizeof text.tail || text.room + sizeof(Detour) > end) return;
    text.tail_address = end - page + used - sizeof text.tail;
    memcpy(text.tail, last + used - sizeof text.tail, sizeof text.tail);
    rt::Lock lock(&c.lock);
    if (c.patch_texts_count >= wire::patch_texts_max) return;
    c.patch_texts[c.patch_texts_count] = text;
    __atomic_store_n(&c.patch_texts_count, c.patch_texts_count + 1, __ATOMIC_RELEASE);
}

void note_trap(Slot& slot, uint64_t next, uint32_t nr) {
    auto& c = control();
    auto& mine = own(slot);
    if (!c.patch_allowed || !may_be_patched(nr)) return;
    uint32_t at = 0;
    while (at < rt::hot_sites_max && mine.hot_sites[at].next != next)
        ++at;
    if (at == rt::hot_sites_max) { // in the place of the oldest
        at = mine.hot_oldest++ % rt::hot_sites_max;
        mine.hot_sites[at] = {next, 0, 0};
    }
    auto& site = mine.hot_sites[at];
    if (site.hopeless || ++site.traps < traps_until_hot) return;
    bool const others_run = __atomic_load_n(&c.threads, __ATOMIC_ACQUIRE) != 1;
    if (others_run && !(nr == wire::mail_call && lies_in_one_word(next))) return;
    site.traps = 0;
    rt::Lock lock(&c.lock);
    site.hopeless = !patch(next, nr, others_run);
}

void leave_detour(UserContext& user) {
    auto& c = control();
    uint32_t count = __atomic_load_n(&c.patch_sites_count, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count && i < wire::patch_sites_max; ++i) {
        auto const& site = c.patch_sites[i];
        if (user.rip - site.detour >= sizeof(Detour)) continue;
        unsigned char now[5]; // something else may be mapped there by now
        int32_t offset;
        if (!copy_in(now, site.address, sizeof now) || now[0] != 0xe9) continue;
        memcpy(&offset, now + 1, sizeof offset);
        if (site.address + sizeof now + static_cast<uint64_t>(int64_t{offset}) ==
            site.detour + wire::detour_code)
            user.rip = site.address;
    }
}

void leave_entry(UserContext& user) {
    uint64_t next;
    if (copy_in(&next, user.rcx, sizeof next)) user.rip = next - call_site_size;
}

void take_context(Slot& slot, UserContext& user) {
    auto& mine = own(slot);
    auto const& call = *reinterpret_cast<UserContext const*>(mine.patched_context);
    constexpr uint64_t registers = offsetof(UserContext, cs) - offsetof(UserContext, r8);
    memcpy(&user.r8, &call.r8, registers);
    mine.taking_context = 0;
}

extern "C" [[noreturn]] void rove_guest_take_context() {
    Slot& slot = this_slot();
    own(slot).taking_context = 1;
    for (;;)
        sys(234, pid_of(slot), slot.tid, 23); // tgkill, SIGURG
}

/// A patched call. Returns `stop` of this thread; the registers to go on with stand in `user`.
extern "C" uint32_t volatile* rove_guest_patched(UserContext* user) {
    Slot& slot = this_slot();
    auto& mine = own(slot);
    mine.patched_context = word(user);
    mine.fast_context = 0;
    auto nr = static_cast<uint32_t>(user->rax);
    if (owed(slot)) { // it traps instead
        rewind(*user, nr);
        rove_guest_take_context();
    }
    mine.resumed = slot.thread.called_off;
    slot.thread.called_off = {};
    uint64_t const args[6] = {user->rdi, user->rsi, user->rdx, user->r10, user->r8, user->r9};
    long result = 0;
    Answer answer = Answer::result;
    if (nr == wire::mail_call)
        result = mail(slot, args);
    else
        answer = forward(slot, *user, nr, args, &result);
    give_answer(*user, nr, answer, result);
    if (owed(slot)) rove_guest_take_context();
    mine.fast_rip = user->rip;
    return &mine.stop;
}

} // namespace rove::guest
