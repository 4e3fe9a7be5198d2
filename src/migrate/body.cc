// SPDX-License-Identifier: Apache-2.0
// Body: what the steward knows of a process that has entered the runtime, and how it leaves it.
#include "migrate/body.hh"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.hh"
#include "base/log.hh"
#include "blob/blob.hh"
#include "image/layout.hh"
#include "migrate/number_block.hh"
#include "sys/files.hh"
#include "sys/process.hh"

namespace rove::migrate {

using wire::Phase;
using wire::SlotState;

namespace {

constexpr uint64_t no_number = ~uint64_t{0};
constexpr Nanos seize_patience = std::chrono::milliseconds(50);

// Length first.
template <size_t n> Status encode_landing(wire::Landing const& landing, uint8_t (&to)[n]) {
    std::string bytes = wire::encode(landing);
    auto length = static_cast<uint16_t>(bytes.size());
    if (bytes.size() + 2 > n) return fail(EMSGSIZE, "the landing has too many addresses");
    std::memcpy(to, &length, 2);
    std::memcpy(to + 2, bytes.data(), bytes.size());
    return {};
}

void nap(long us) {
    timespec time{0, us * 1000};
    (void)::nanosleep(&time, nullptr);
}

} // namespace

Result<Body> Body::open(pid_t pid, uint64_t start_time) {
    Fd pidfd = TRY(sys::pidfd_open(pid));
    if (start_time != 0 && TRY(tracee::read_stat(pid)).start_time != start_time)
        return deny(ESRCH, "process {} is another one now", pid);
    return Body(pid, std::move(pidfd), TRY(tracee::RemoteMemory::open(pid)));
}

Status Body::reopen_memory() {
    memory_ = TRY(tracee::RemoteMemory::open(pid_));
    region_ = 0;
    mapped_ = false;
    return {};
}

void Body::set_idle(std::function<Status()> idle) {
    idle_ = std::move(idle);
}

Status Body::take_sockets(Nanos patience) {
    Deadline deadline = Deadline::after(patience);
    uint64_t words = slot_address(wire::porter_slot) + offsetof(wire::Slot, private_words);
    auto take = [&](uint32_t word, int type) -> Result<Fd> {
        for (;;) {
            auto number = TRY(memory_.get<uint64_t>(words + word * 8));
            if (number != no_number) {
                auto fd = sys::pidfd_getfd(pidfd_.number(), static_cast<int>(number));
                int domain = 0, kind = 0;
                socklen_t size = sizeof domain;
                if (fd && ::getsockopt(fd->number(), SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
                    ::getsockopt(fd->number(), SOL_SOCKET, SO_TYPE, &kind, &size) == 0 &&
                    domain == AF_UNIX && kind == type)
                    return fd;
            }
            if (deadline.passed()) return deny(ETIMEDOUT, "the porter offers no socket");
            TRY(keep_afloat());
            nap(100);
        }
    };
    Fd command = TRY(take(wire::command_peer_word, SOCK_STREAM));
    Fd alarm = TRY(take(wire::alarm_peer_word, SOCK_SEQPACKET));
    auto command_number = TRY(memory_.get<uint64_t>(words + wire::command_peer_word * 8));
    auto alarm_number = TRY(memory_.get<uint64_t>(words + wire::alarm_peer_word * 8));
    porter_.emplace(std::move(command));
    porter_->look_ms = afloat_ ? look_ms_afloat : look_ms_usual;
    porter_->idle = [this] { return attend(); };
    alarm_ = std::move(alarm);
    TRY(porter_->calls({{SYS_close, {command_number}, 0}, {SYS_close, {alarm_number}, 0}}));
    TRY(memory_.put(words + wire::command_peer_word * 8, no_number));
    TRY(memory_.put(words + wire::alarm_peer_word * 8, no_number));
    entered_ = true;
    return {};
}

Result<wire::ProcessState> Body::process_state(std::vector<wire::ThreadImage> threads) {
    wire::ProcessState state;
    state.threads = std::move(threads);
    wire::Control now = TRY(control());
    state.monotonic_ns = monotonic_now().count();
    state.coarse_ns = clock_now(CLOCK_MONOTONIC_COARSE).count();
    state.boottime_ns = boottime_now().count();
    state.actions.assign(reinterpret_cast<char const*>(now.actions), sizeof now.actions);
    state.brk_start = now.brk_start;
    state.brk_now = now.brk_now;
    constexpr uint64_t get_dumpable = 3;
    state.dumpable = static_cast<uint8_t>(TRY(porter_->call(SYS_prctl, {get_dumpable})));
    std::string limits = TRY(sys::read_file(fmt::format("/proc/{}/limits", pid_)));
    for (auto which : {"Max stack size", "Max cpu time", "Max data size", "Max address space",
             "Max locked memory"}) {
        auto limit = TRY(tracee::parse_limit(limits, which));
        state.limits.push_back(limit.soft);
        state.limits.push_back(limit.hard);
    }
    return state;
}

void Body::close_porter() {
    porter_.reset();
    alarm_.close();
}

// Its threads have not come into the runtime in time, and no porter wakes them when they do. Those
// that wait there already look again, since being held ends their wait.
Status Body::release_unentered() {
    TRY(memory_.put(control_address() + offsetof(wire::Control, phase), Phase::released));
    (void)tracee::Tracee::seize(pid_, seize_patience);
    return {};
}

Status Body::release() {
    if (!porter_) (void)take_sockets(std::chrono::milliseconds(500));
    if (!porter_) { // it has ended and has let everybody go, or the process is no more
        entered_ = false;
        return phase().value_or(Phase::none) == Phase::preparing ? release_unentered() : Status{};
    }
    auto used = TRY(used_slots());
    if (afloat_) afloat_->let_out(region_, region_ + wire::region_size);
    TRY(memory_.put(control_address() + offsetof(wire::Control, phase), Phase::released));
    // From here on the last thread that leaves ends the porter, perhaps before it has answered us.
    (void)porter_->wake(control_address() + offsetof(wire::Control, phase));
    std::vector<wire::ExecCall> shut;
    for (uint32_t index : used) {
        wire::Slot now = TRY(slot(index));
        if (now.link_fd >= 0)
            shut.push_back({SYS_shutdown, {static_cast<uint64_t>(now.link_fd), SHUT_RDWR}, -1});
    }
    if (!shut.empty()) (void)porter_->calls_tolerant(shut);
    released_at_ = monotonic_now();
    // All are on their way out before the porter takes the sockets away; a thread that ends a sleep
    // on its way counts as well.
    Deadline deadline = Deadline::after(std::chrono::milliseconds(100));
    for (uint32_t index : used) {
        for (;;) {
            auto state = memory_.get<SlotState>(slot_address(index) + offsetof(wire::Slot, state));
            if (!state || *state == SlotState::leaving || *state == SlotState::asleep ||
                *state == SlotState::gone || deadline.passed())
                break;
            if (afloat_) afloat_->look_after();
            nap(20);
        }
    }
    (void)porter_->end_porter();
    close_porter();
    entered_ = false;
    if (auto woken = wake_in_program(); !woken) LOG(warn, "{}", woken.error().sentence());
    await_out();
    // It may have been stopped only now, on its way out.
    if (auto left = finish_leaving(); !left) LOG(warn, "{}", left.error().sentence());
    return {};
}

Result<bool> Body::remove_region() {
    if (!mapped_) return true;
    auto state =
        memory_.get<SlotState>(slot_address(wire::porter_slot) + offsetof(wire::Slot, state));
    if (!state) return Failure(state.error());
    // Free: it was never started, since the steward that was about to has died.
    if (*state != SlotState::gone && *state != SlotState::free) return false;
    TRY(wake_in_program());
    // A thread that is busy in the kernel is not worth a freeze of all: there is time.
    auto tracee = TRY(tracee::Tracee::seize(pid_, seize_patience));
    for (auto const& thread : tracee.threads()) {
        if (in_region(thread.registers.rip) || in_region(thread.registers.rsp)) return false;
    }
    int64_t unmapped = -1;
    TRY(call_in(tracee, [&](Call const& call) -> Status {
        unmapped = TRY(call(SYS_munmap, region_, wire::region_size));
        return {};
    }));
    if (unmapped != 0) return false;
    region_ = 0;
    mapped_ = false;
    return true;
}

Result<bool> Body::find_region() {
    auto mappings = TRY(image::parse_maps(TRY(sys::read_file(fmt::format("/proc/{}/maps", pid_)))));
    for (auto const& mapping : mappings) {
        if (mapping.start % wire::region_align != wire::text_offset ||
            mapping.prot != (PROT_READ | PROT_EXEC))
            continue;
        uint64_t base = mapping.start - wire::text_offset;
        uint32_t head[2];
        if (!memory_.read(base + wire::control_offset, head, sizeof head)) continue;
        if (head[0] != wire::region_magic) continue;
        if (head[1] != wire::region_version)
            return deny(EPROTO, "its runtime is of version {}", head[1]);
        region_ = base;
        mapped_ = true;
        auto now = TRY(control());
        format_.size = now.xsave_size;
        format_.features = now.xfeatures;
        return true;
    }
    return false;
}

bool Body::lives_away() {
    if (!find_region().value_or(false)) return false;
    auto now = phase().value_or(Phase::none);
    return now == Phase::serving || now == Phase::parking;
}

bool Body::has_new_image() const {
    if (!mapped_) return false;
    auto text = sys::read_file(fmt::format("/proc/{}/maps", pid_));
    if (!text || text->empty()) return false; // it is ending
    auto mappings = image::parse_maps(*text);
    if (!mappings) return false;
    return std::none_of(mappings->begin(), mappings->end(),
        [&](auto const& mapping) { return mapping.start == region_ + wire::text_offset; });
}

Status Body::take_new_image() {
    close_porter();
    entered_ = false;
    return reopen_memory();
}

Result<wire::Control> Body::control() const {
    return memory_.get<wire::Control>(control_address());
}
Result<wire::Slot> Body::slot(uint32_t index) const {
    return memory_.get<wire::Slot>(slot_address(index));
}

Result<Phase> Body::phase() const {
    return memory_.get<Phase>(control_address() + offsetof(wire::Control, phase));
}

Status Body::set_phase(Phase phase) {
    uint64_t address = control_address() + offsetof(wire::Control, phase);
    TRY(memory_.put(address, phase));
    return porter_->wake(address);
}

Result<uint32_t> Body::epoch() const {
    return memory_.get<uint32_t>(control_address() + offsetof(wire::Control, epoch));
}

Status Body::set_epoch(uint32_t epoch) {
    return memory_.put(control_address() + offsetof(wire::Control, epoch), epoch);
}

Status Body::commit(Phase phase, uint32_t epoch) {
    static_assert(offsetof(wire::Control, epoch) == offsetof(wire::Control, phase) + 4);
    uint64_t both = static_cast<uint64_t>(epoch) << 32 | static_cast<uint32_t>(phase);
    return memory_.put(control_address() + offsetof(wire::Control, phase), both);
}

Status Body::write_landing(wire::Landing const& landing, uint32_t epoch) {
    wire::Whereabouts place{};
    place.epoch = epoch;
    TRY(encode_landing(landing, place.landing));
    std::memcpy(
        place.host, landing.node.data(), std::min(landing.node.size(), sizeof place.host - 1));
    return memory_.put(
        control_address() + offsetof(wire::Control, places) + (epoch & 1) * sizeof place, place);
}

Status Body::write_token(std::string const& token, uint32_t epoch) {
    wire::Token bytes{};
    uint32_t sealed = token.size() == sizeof bytes ? 1 : 0;
    if (sealed != 0) std::memcpy(&bytes, token.data(), sizeof bytes);
    uint32_t which = epoch & 1;
    TRY(memory_.put(
        control_address() + offsetof(wire::Control, tokens) + which * sizeof bytes, bytes));
    return memory_.put(
        control_address() + offsetof(wire::Control, sealed) + which * sizeof sealed, sealed);
}

Result<wire::Landing> Body::read_landing(uint32_t epoch) const {
    wire::Control now = TRY(control());
    wire::Whereabouts const& place = now.places[epoch & 1];
    if (place.epoch != epoch) return fail(EBADMSG, "nothing says where it lives");
    uint16_t length = 0;
    std::memcpy(&length, place.landing, 2);
    if (length + 2u > sizeof place.landing) return fail(EBADMSG, "a landing of {} bytes", length);
    auto landing = wire::decode<wire::Landing>(
        std::string_view(reinterpret_cast<char const*>(place.landing) + 2, length));
    if (!landing) return fail(EBADMSG, "a malformed landing");
    return std::move(*landing);
}

Status Body::put_next_link(uint32_t index, int number, uint32_t epoch) {
    static_assert(offsetof(wire::Slot, next_link_epoch) == offsetof(wire::Slot, next_link_fd) + 4);
    uint64_t both = static_cast<uint64_t>(epoch) << 32 | static_cast<uint32_t>(number);
    return memory_.put(slot_address(index) + offsetof(wire::Slot, next_link_fd), both);
}

// A deputy reads the number of its link for each wait: it must have noticed the end of the old one,
// or it would go on with the new one as if that were the old.
Status Body::await_noticed(std::vector<uint32_t> const& slots) const {
    Deadline deadline = Deadline::after(std::chrono::seconds(1));
    for (uint32_t index : slots) {
        for (;;) {
            auto state =
                TRY(memory_.get<SlotState>(slot_address(index) + offsetof(wire::Slot, state)));
            if (state == SlotState::waiting || state == SlotState::gone) break;
            if (deadline.passed())
                return deny(ETIMEDOUT, "a thread does not leave its old link ({})", slot_states());
            nap(30);
        }
    }
    return {};
}

// Each slot in an order that can be repeated: a steward may die anywhere in here.
Status Body::settle_links(uint32_t epoch) {
    std::vector<wire::ExecCall> shut, close;
    std::vector<uint32_t> changing, all;
    for (uint32_t index : TRY(used_slots())) {
        wire::Slot now = TRY(slot(index));
        if (now.next_link_fd <= 0) continue;
        all.push_back(index);
        bool becomes = now.next_link_epoch == epoch;
        if (becomes && now.link_fd == now.next_link_fd) continue;
        int gone = becomes ? now.link_fd : now.next_link_fd;
        if (becomes) changing.push_back(index);
        if (gone < 0) continue;
        shut.push_back({SYS_shutdown, {static_cast<uint64_t>(gone), SHUT_RDWR}, -1});
        close.push_back({SYS_close, {static_cast<uint64_t>(gone)}, -1});
    }
    // Whatever becomes of that: a deputy that went on with the old number would never leave it.
    Status done = shut.empty() ? Status{} : porter_->calls_tolerant(shut);
    auto noticed = await_noticed(changing);
    if (!noticed) LOG(warn, "{}", noticed.error().sentence());
    for (uint32_t index : all) {
        wire::Slot now = TRY(slot(index));
        if (now.next_link_epoch == epoch)
            TRY(memory_.put(slot_address(index) + offsetof(wire::Slot, link_fd), now.next_link_fd));
        TRY(put_next_link(index, 0, 0));
    }
    if (!close.empty() && done) done = porter_->calls_tolerant(close);
    return done;
}

Result<bool> Body::all_linked() const {
    for (uint32_t index : TRY(used_slots()))
        if (TRY(memory_.get<SlotState>(slot_address(index) + offsetof(wire::Slot, state))) ==
            SlotState::waiting)
            return false;
    return true;
}

Result<bool> Body::linkless(uint32_t index) const {
    wire::Slot now = TRY(slot(index));
    return now.state == SlotState::starting && now.link_ready == 0 && now.tid > 0;
}

Result<std::vector<uint32_t>> Body::linkless_slots() const {
    std::vector<uint32_t> found;
    for (uint32_t index : TRY(used_slots())) {
        auto state = TRY(memory_.get<SlotState>(slot_address(index) + offsetof(wire::Slot, state)));
        if (state == SlotState::starting && TRY(linkless(index))) found.push_back(index);
    }
    return found;
}

Result<std::vector<uint32_t>> Body::used_slots() const {
    std::vector<uint32_t> used;
    // New threads take the first slot that is not in use, so one that never was is the end.
    for (uint32_t i = 1; i < wire::slots_max; ++i) {
        auto state = TRY(memory_.get<SlotState>(slot_address(i) + offsetof(wire::Slot, state)));
        if (state == SlotState::free) break;
        if (state != SlotState::gone) used.push_back(i);
    }
    return used;
}

std::string Body::slot_states() const {
    std::string text;
    auto used = used_slots();
    if (!used) return "they cannot be read";
    for (uint32_t index : *used) {
        auto now = slot(index);
        if (now)
            text += fmt::format("{}{}:{} fd {} seq {}", text.empty() ? "" : ", ", index,
                static_cast<int>(now->state), now->link_fd, now->sequence);
    }
    return text;
}

Status Body::give_link(uint32_t index, int fd) {
    wire::Control now = TRY(control());
    int number = TRY(porter_->take_fd(fd, now.fd_first));
    TRY(memory_.put(slot_address(index) + offsetof(wire::Slot, link_fd), number));
    TRY(memory_.put(slot_address(index) + offsetof(wire::Slot, link_ready), uint32_t{1}));
    return porter_->wake(slot_address(index) + offsetof(wire::Slot, link_ready));
}

Status Body::give_spare(
    uint32_t index, uint32_t id, int fd, wire::Landing const& landing, uint32_t epoch) {
    wire::Control now = TRY(control());
    wire::Spare spare{};
    spare.id = id;
    TRY(encode_landing(landing, spare.landing));
    spare.link_fd = TRY(porter_->take_fd(fd, now.fd_first));
    uint64_t address = control_address() + offsetof(wire::Control, spares) + index * sizeof spare;
    TRY(memory_.put(address, spare));
    TRY(memory_.put(address + offsetof(wire::Spare, epoch), epoch)); // now it may be taken
    uint64_t made = control_address() + offsetof(wire::Control, spares_made);
    TRY(memory_.put(made, now.spares_made + 1));
    return porter_->wake(made);
}

Status Body::drop_spare(uint32_t index, int number) {
    uint64_t address =
        control_address() + offsetof(wire::Control, spares) + index * sizeof(wire::Spare);
    TRY(memory_.put(address + offsetof(wire::Spare, epoch), uint32_t{0}));
    return porter_->calls_tolerant({{SYS_close, {static_cast<uint64_t>(number)}, 0}});
}

Status Body::forget_parent() {
    uint64_t address = control_address() + offsetof(wire::Control, parents_alarm_fd);
    auto number = TRY(memory_.get<int32_t>(address));
    if (number <= 0) return {};
    TRY(memory_.put(address, int32_t{-1}));
    return porter_->calls_tolerant({{SYS_close, {static_cast<uint64_t>(number)}, 0}});
}

Result<std::unordered_map<pid_t, pid_t>> Body::outer_tids() const {
    std::unordered_map<pid_t, pid_t> outer;
    for (pid_t tid : TRY(tracee::list_threads(pid_))) {
        auto status = sys::read_file(fmt::format("/proc/{}/task/{}/status", pid_, tid));
        if (!status) continue; // it has just ended
        if (auto inner = tracee::parse_inner_pid(*status)) outer[*inner] = tid;
    }
    return outer;
}

Status Body::cancel_calls(std::vector<uint32_t> const& slots) {
    std::unordered_map<pid_t, pid_t> outer;
    for (uint32_t index : slots) {
        auto state = TRY(memory_.get<SlotState>(slot_address(index) + offsetof(wire::Slot, state)));
        if (state != SlotState::in_call) continue;
        if (outer.empty()) outer = TRY(outer_tids());
        auto tid =
            outer.find(TRY(memory_.get<int32_t>(slot_address(index) + offsetof(wire::Slot, tid))));
        if (tid == outer.end()) continue;
        auto held = hold(tid->second);
        if (!held && held.error().gone()) continue; // its call has ended, and so has it
        if (!held) return Failure(held.error());
        TRY(call_off(*held, held->leader(), index));
        TRY(let_go(std::move(*held)));
    }
    return {};
}

Status Body::call_off(tracee::Tracee& tracee, tracee::Thread& thread, uint32_t index) {
    uint64_t text = region_ + wire::text_offset;
    user_regs_struct registers = thread.registers;
    uint64_t at = registers.rip - text;
    // It may have come back meanwhile, and wait for its guest by the same few instructions.
    auto state = TRY(memory_.get<SlotState>(slot_address(index) + offsetof(wire::Slot, state)));
    if (state != SlotState::in_call || at < blob::call_begin_offset || at > blob::call_end_offset)
        return {};
    registers.rip = text + blob::call_cancelled_offset;
    registers.orig_rax = no_number;
    if (at < blob::call_end_offset) registers.rcx = 0; // about to be made (again): it has no result
    return tracee.set_registers(thread, registers);
}

} // namespace rove::migrate
