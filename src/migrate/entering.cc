// SPDX-License-Identifier: Apache-2.0
// Entering: a process is frozen where it is, and its threads go on in the runtime. See body.hh.
#include "migrate/body.hh"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "abi/x86_64/call_site.hh"
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

constexpr uint64_t page = 4096;
constexpr uint64_t region_first =
    0x2000'0000'0000; // far from where programs and allocators put things
constexpr uint64_t stack_top_offset = wire::slot_stack_offset + wire::slot_stack_size;
constexpr uint64_t no_number = ~uint64_t{0};
constexpr uint64_t polled_max = 1024; // entries of 8 bytes
constexpr Nanos enter_patience = std::chrono::seconds(5);

void nap(long us) {
    timespec time{0, us * 1000};
    (void)::nanosleep(&time, nullptr);
}

uint64_t free_region(std::vector<image::Mapping> const& mappings) {
    for (uint64_t at = region_first; at < region_first + (1ull << 44); at += wire::region_align) {
        bool taken = std::any_of(mappings.begin(), mappings.end(), [at](auto const& mapping) {
            return mapping.start < at + wire::region_size + wire::region_align &&
                   mapping.end > at - wire::region_align;
        });
        if (!taken) return at;
    }
    return 0;
}

// A thread inside an rseq critical section goes to the section's abort, as after a preemption.
Status leave_rseq_section(
    tracee::RemoteMemory const& memory, tracee::RseqArea const& area, user_regs_struct& registers) {
    if (area.address == 0) return {};
    struct {
        uint32_t version, flags;
        uint64_t start, length, abort;
    } section;
    auto pointer = memory.get<uint64_t>(area.address + 8);
    if (!pointer || *pointer == 0) return {};
    if (!memory.read(*pointer, &section, sizeof section)) return {};
    if (registers.rip - section.start < section.length) registers.rip = section.abort;
    return memory.put(area.address + 8, uint64_t{0});
}

bool is_relative_sleep(user_regs_struct const& registers) {
    return registers.orig_rax == SYS_nanosleep || registers.orig_rax == SYS_clock_nanosleep;
}

// The program's own call stands in front of where it is.
Result<uint64_t> call_before(tracee::RemoteMemory const& memory, uint64_t rip) {
    unsigned char code[abi::call_site_size];
    TRY(memory.read(rip - sizeof code, code, sizeof code));
    int number = abi::number_at_call_site(code);
    if (number < 0)
        return deny(EBUSY, "it waits in a call that was interrupted before, and which one cannot "
                           "be told; try again later");
    return static_cast<uint64_t>(number);
}

// Let go a moment ago, it has not come to making that call yet.
bool about_to_restart(tracee::RemoteMemory const& memory, user_regs_struct const& registers) {
    unsigned char code[2];
    if (static_cast<int64_t>(registers.orig_rax) >= 0 || registers.rax != SYS_restart_syscall)
        return false;
    return memory.read(registers.rip, code, sizeof code) && code[0] == 0x0f && code[1] == 0x05;
}

// A blocking transfer that the seizure has cut off after a part: how much it has moved; 0: it is
// none.
uint64_t cut_off(tracee::RemoteMemory const& memory, user_regs_struct const& registers) {
    uint64_t wanted = 0;
    switch (registers.orig_rax) {
    case SYS_recvfrom:
        if ((registers.r10 & MSG_WAITALL) == 0) return 0;
        [[fallthrough]];
    case SYS_write:
    case SYS_sendto:
        wanted = registers.rdx;
        break;
    case SYS_writev:
        for (uint64_t i = 0; i < std::min<uint64_t>(registers.rdx, 1024); ++i) {
            auto length = memory.get<uint64_t>(registers.rsi + i * 16 + 8);
            if (!length) return 0;
            wanted += *length;
        }
        break;
    default:
        return 0;
    }
    auto moved = static_cast<int64_t>(registers.rax);
    return moved > 0 && static_cast<uint64_t>(moved) < wanted ? static_cast<uint64_t>(moved) : 0;
}

} // namespace

Status Body::prepare(Survey const& survey) {
    // Until it is entered it may have executed another program since we opened its memory.
    if (!entered_) memory_ = TRY(tracee::RemoteMemory::open(pid_));
    if (mapped_ && memory_.get<uint32_t>(control_address()).value_or(0) != wire::region_magic) {
        mapped_ = false;
        region_ = 0;
    }
    gadgets_ = TRY(tracee::find_gadgets(pid_, memory_));
    if (region_ == 0) region_ = free_region(survey.mappings);
    if (region_ == 0) return deny(ENOMEM, "there is no room for the runtime");
    return {};
}

Status Body::map_region(tracee::Tracee& tracee, image::FrameParts const& frame) {
    uint64_t base = region_;
    auto& leader = tracee.leader();
    // They were found while it ran, and it may have unmapped that text since.
    if (!tracee::still_there(gadgets_, memory_))
        gadgets_ = TRY(tracee::find_gadgets(pid_, memory_));
    TRY(tracee.guard_calls(leader, memory_, gadgets_, frame, format_));
    constexpr uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE;
    auto call = [&](uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
        return tracee.call(leader, gadgets_, number, a, b, c, d, no_number, 0);
    };
    // Text is never writable: it is filled from outside.
    uint64_t text = base + wire::text_offset, rest = base + wire::control_offset;
    uint64_t rest_size = wire::region_size - wire::control_offset;
    auto one = call(SYS_mmap, text, wire::text_size, PROT_READ | PROT_EXEC, flags);
    auto two = call(SYS_mmap, rest, rest_size, PROT_READ | PROT_WRITE, flags);
    bool good =
        one && two && static_cast<uint64_t>(*one) == text && static_cast<uint64_t>(*two) == rest;
    for (int advice : {MADV_DONTFORK, MADV_DONTDUMP}) {
        if (!good) break;
        (void)call(SYS_madvise, text, wire::text_size, static_cast<uint64_t>(advice), 0);
        (void)call(SYS_madvise, rest, rest_size, static_cast<uint64_t>(advice), 0);
    }
    TRY(tracee.end_calls(leader, memory_));
    if (!one) return Failure(one.error());
    if (!two) return Failure(two.error());
    if (!good)
        return fail(static_cast<int>(*one < 0   ? -*one
                                     : *two < 0 ? -*two
                                                : EEXIST),
            "cannot map the runtime");
    mapped_ = true;
    return memory_.write_forced(text, blob::bytes, blob::size);
}

Status Body::write_control(Survey const& survey, size_t threads) {
    wire::Control control{};
    control.magic = wire::region_magic;
    control.version = wire::region_version;
    control.phase = Phase::preparing;
    auto old = memory_.get<uint32_t>(control_address() + offsetof(wire::Control, epoch));
    control.epoch = old ? *old : 0;
    control.base = region_;
    control.pid = survey.inner_pid;
    control.command_fd = control.alarm_fd = -1;
    auto limit = TRY(tracee::parse_limit(
        TRY(sys::read_file(fmt::format("/proc/{}/limits", pid_))), "Max open files"));
    // Not of the survey: it has opened others since, and they must not be in the block.
    int highest = TRY(tracee::highest_descriptor(pid_));
    auto numbers = number_block(highest, static_cast<int>(threads), limit.hard);
    if (!numbers) return deny(EMFILE, "it has no {} descriptors left", threads + 6);
    control.fd_first = numbers->first;
    control.fd_last = numbers->last;
    control.threads = static_cast<uint32_t>(threads);
    control.brk_start = survey.stat.brk_start;
    control.xsave_size = format_.size;
    control.xfeatures = format_.features;
    control.page_bytes = page;
    control.cpu_count = static_cast<uint32_t>(::sysconf(_SC_NPROCESSORS_CONF));
    auto pattern = sys::read_file("/proc/sys/kernel/core_pattern");
    control.cores_want = pattern && pattern->starts_with('|') ? 2 : 1;
    return memory_.put(control_address(), control);
}

Result<image::FrameParts> Body::saved_frame(wire::Slot const& slot) const {
    std::string bytes(image::frame_size(format_), 0);
    uint64_t area = slot_address(slot.index) + wire::slot_frame_offset;
    if (slot.index >= wire::slots_max || slot.frame < area ||
        slot.frame - area + bytes.size() > wire::slot_frame_size)
        return fail(EBADMSG, "its saved registers are not where they belong");
    TRY(memory_.read(slot.frame, bytes.data(), bytes.size()));
    return image::parse_frame(slot.frame, as_bytes(bytes), format_);
}

// A wait that was interrupted before (a stop, a tracer, a stay away) goes on by restart_syscall.
Result<uint64_t> Body::restarted_call(pid_t tid, uint64_t rip) const {
    auto noted = waits_.find(tid);
    if (noted != waits_.end() && noted->second.at == rip) return noted->second.number;
    return call_before(memory_, rip);
}

bool Body::in_transfer(std::vector<tracee::Thread> const& threads) const {
    return std::any_of(threads.begin(), threads.end(),
        [this](tracee::Thread const& thread) { return cut_off(memory_, thread.registers) != 0; });
}

struct Body::Caught {
    image::FrameParts frame;
    tracee::RseqArea rseq;
    user_regs_struct registers{};
    tracee::Interrupted interrupted = tracee::Interrupted::no;
    wire::ThreadState left{}; // what an earlier stay still owes it
};

// What a thread was caught in, and what of it the guest, or the deputy, must go on with.
Result<Body::Caught> Body::catch_thread(
    tracee::Tracee& tracee, tracee::Thread const& thread, TimedCall const& before) const {
    Caught one;
    one.registers = thread.registers;
    one.interrupted = tracee::settle_interrupted(one.registers, thread.group_stopped);
    one.rseq = TRY(tracee.rseq(thread));
    TRY(leave_rseq_section(memory_, one.rseq, one.registers));
    one.frame.xsave = TRY(tracee.xsave(thread));
    TRY(image::check_area(as_bytes(one.frame.xsave), format_));
    one.frame.xsave.resize(format_.size);
    one.frame.mask = TRY(tracee.mask(thread));
    bool inside = in_region(one.registers.rip);
    auto kept = static_cast<int32_t>(thread.registers.rax);
    if (!inside && about_to_restart(memory_, thread.registers)) {
        one.registers.rip += 2;
        one.registers.orig_rax = SYS_restart_syscall;
        one.interrupted = tracee::Interrupted::restart;
        kept = wire::restart_block;
    }
    if (!inside && one.interrupted == tracee::Interrupted::restart &&
        one.registers.orig_rax == SYS_restart_syscall)
        one.registers.orig_rax = TRY(restarted_call(thread.tid, one.registers.rip));
    // A handler that has interrupted such a wait stands on the runtime's stack.
    if (!inside && in_region(one.registers.rsp))
        return deny(EALREADY, "it is still on its way home; try again");
    // The rest of a poll, too, only the kernel at home knows; select and its kin have theirs in the
    // program's memory.
    bool polls = !inside && one.registers.orig_rax == SYS_poll && one.registers.rsi <= polled_max;
    bool sleep = polls || is_relative_sleep(one.registers) ||
                 (inside && one.registers.orig_rax == SYS_restart_syscall);
    if (one.interrupted == tracee::Interrupted::restart && !sleep) {
        one.registers.rip -= 2; // a timed wait for something else begins anew
        one.registers.rax = one.registers.orig_rax;
        one.interrupted = tracee::Interrupted::again;
    }
    if (one.interrupted == tracee::Interrupted::restart) {
        one.registers.rax = static_cast<uint64_t>(-EINTR);
        bool plain = one.registers.orig_rax == SYS_nanosleep;
        if (polls)
            one.left.rest_call = SYS_poll;
        else if (!inside)
            one.left.sleep_remaining = plain ? one.registers.rsi : one.registers.r10;
    }
    // Of a stopped process it is the program that gets the part.
    bool whole = inside || thread.group_stopped;
    if (uint64_t moved = whole ? 0 : cut_off(memory_, thread.registers); moved != 0) {
        one.left.pending = wire::Pending::rest;
        one.left.rest_call = static_cast<uint32_t>(thread.registers.orig_rax);
        one.left.rest_done = moved;
    }
    if (one.interrupted == tracee::Interrupted::again && !inside) {
        one.left.called_off = {one.registers.rip, kept, 0};
        uint64_t time = before.call.timed == SYS_poll ? one.registers.rdx : one.registers.r10;
        if (before.call.timed != 0 && before.call.at == one.registers.rip && time == before.time) {
            one.left.called_off.timed = before.call.timed;
            one.left.deadline_ns = before.deadline_ns;
        }
    }
    one.frame.registers = image::from_user_regs(one.registers);
    if (inside) {
        // It came home in the middle of a wait and ends that in the runtime: the program's own
        // registers are in its slot, and so is the time until which it waits.
        uint64_t index = (one.registers.rsp - region_ - wire::slots_offset) / wire::slot_size;
        if (index == 0 || index >= wire::slots_max)
            return deny(EALREADY, "it is still on its way home; try again");
        wire::Slot old = TRY(slot(static_cast<uint32_t>(index)));
        bool waits = old.thread.pending == wire::Pending::sleep ||
                     old.thread.pending == wire::Pending::futex;
        if (old.thread.pending == wire::Pending::rest &&
            thread.registers.orig_rax == old.thread.rest_call) {
            auto moved = static_cast<int64_t>(thread.registers.rax);
            if (moved > 0) old.thread.rest_done += static_cast<uint64_t>(moved);
            waits = moved > 0 || one.interrupted == tracee::Interrupted::again;
        }
        bool sleeps = one.interrupted == tracee::Interrupted::restart;
        if ((old.state != SlotState::leaving && old.state != SlotState::asleep) ||
            (!waits && !sleeps))
            return deny(EALREADY, "it is still on its way home; try again");
        one.frame = TRY(saved_frame(old));
        one.frame.mask = old.thread.mask;
        one.left.sleep_remaining = old.thread.sleep_remaining;
        if (sleeps) one.left.rest_call = old.thread.rest_call;
        if (waits) {
            one.left = old.thread;
            one.interrupted = tracee::Interrupted::no;
        }
    }
    return one;
}

// Its threads, held as they are, are set to go on in the runtime; all or none.
Result<std::vector<wire::ThreadImage>> Body::divert(tracee::Tracee& tracee, Survey const& survey,
    std::unordered_map<pid_t, TimedCall> const& timed, Refusal& refusal) {
    FAULT_POINT("after_seize");
    auto now = TRY(tracee::read_stat(pid_));
    if (now.arg_start != survey.stat.arg_start || now.brk_start != survey.stat.brk_start)
        return refusal.because("exec", "it has just executed another program; try again");
    // The kernel's functions read its clocks in pages that lie elsewhere for a guest, which has a
    // time namespace.
    for (auto const& mapping : survey.mappings) {
        if (image::kind_of(mapping) != wire::VmaKind::vdso) continue;
        for (auto& thread : tracee.threads())
            TRY(tracee.step_out(thread, mapping.start, mapping.end));
    }
    TRY(check_threads(
        tracee.threads().size(), refusal)); // they may have become more since the survey
    std::vector<Caught> caught;
    for (auto const& thread : tracee.threads()) {
        auto before = timed.find(thread.tid);
        caught.push_back(TRY(
            catch_thread(tracee, thread, before == timed.end() ? TimedCall() : before->second)));
    }
    if (!mapped_) TRY(map_region(tracee, caught.front().frame));
    TRY(write_control(survey, caught.size()));
    wire::Slot zero{};
    zero.private_words[wire::command_peer_word] = zero.private_words[wire::alarm_peer_word] =
        no_number;
    TRY(memory_.put(slot_address(wire::porter_slot), zero));

    std::vector<wire::ThreadImage> images;
    for (size_t i = 0; i < caught.size(); ++i) {
        Caught const& one = caught[i];
        pid_t tid = tracee.threads()[i].tid;
        wire::Slot slot{};
        slot.index = static_cast<uint32_t>(i + 1);
        slot.tid = TRY(tracee::parse_inner_pid(
            TRY(sys::read_file(fmt::format("/proc/{}/task/{}/status", pid_, tid)))));
        slot.state = SlotState::entering;
        slot.link_fd = -1;
        uint64_t address = slot_address(slot.index);
        slot.frame = image::frame_address(address + wire::slot_frame_offset);
        std::string frame = TRY(image::build_frame(slot.frame, one.frame, format_));
        slot.frame_length = frame.size();
        slot.home_reason = ~0u;
        slot.thread.fs_base = one.registers.fs_base;
        slot.thread.gs_base = one.registers.gs_base;
        slot.thread.mask = one.frame.mask;
        slot.thread.pending = one.left.pending;
        slot.thread.sleep_clock = one.left.sleep_clock;
        slot.thread.has_deadline = one.left.has_deadline;
        slot.thread.deadline_ns = one.left.deadline_ns;
        slot.thread.sleep_remaining = one.left.sleep_remaining;
        slot.thread.rest_call = one.left.rest_call;
        slot.thread.rest_done = one.left.rest_done;
        slot.thread.called_off = one.left.called_off;
        slot.thread.rseq_address = one.rseq.address;
        slot.thread.rseq_length = one.rseq.size;
        slot.thread.rseq_signature = one.rseq.signature;
        slot.thread.rseq_flags = one.rseq.flags;
        if (one.interrupted == tracee::Interrupted::restart)
            slot.private_words[wire::restart_word] = 1;
        TRY(memory_.put(address, slot));
        TRY(memory_.write(slot.frame, frame.data(), frame.size()));
        wire::ThreadImage image;
        image.slot = slot.index;
        image.tid = slot.tid;
        image.registers = one.frame.registers;
        image.xsave = TRY(image::pack_area(as_bytes(one.frame.xsave), format_));
        images.push_back(std::move(image));
    }
    for (uint32_t i = static_cast<uint32_t>(caught.size()) + 1; i < wire::slots_max; ++i) {
        // Slots of an earlier stay away: states beyond the ones in use must read as free.
        auto state = memory_.get<SlotState>(slot_address(i) + offsetof(wire::Slot, state));
        if (!state || *state == SlotState::free) break;
        TRY(memory_.put(slot_address(i) + offsetof(wire::Slot, state), SlotState::free));
    }
    FAULT_POINT("after_inject");

    // All or none: a thread that was set and one that was not would wait for each other.
    auto originals = tracee.threads();
    Status set;
    for (size_t i = 0; i < images.size() && set; ++i) {
        auto& thread = tracee.threads()[i];
        user_regs_struct registers = thread.registers;
        uint64_t address = slot_address(images[i].slot);
        registers.rip = region_ + wire::text_offset + blob::deputy_offset;
        registers.rsp = address + stack_top_offset;
        registers.rdi = address;
        registers.orig_rax = no_number;
        registers.eflags &= 0x202;
        set = tracee.set_mask(thread, ~uint64_t{0});
        if (set) set = tracee.set_registers(thread, registers);
    }
    if (!set) {
        for (size_t i = 0; i < originals.size(); ++i) {
            (void)tracee.set_mask(tracee.threads()[i], caught[i].frame.mask);
            (void)tracee.set_registers(tracee.threads()[i], originals[i].registers);
        }
        return Failure(set.error());
    }
    return images;
}

Result<std::vector<wire::ThreadImage>> Body::enter(
    Survey const& survey, Refusal& refusal, std::optional<tracee::Tracee> held) {
    std::unordered_map<pid_t, TimedCall> timed;
    if (!held) {
        timed = timed_calls(); // they sleep no more when they are held
        held.emplace(TRY(tracee::Tracee::seize(pid_)));
    }
    auto diverted = divert(*held, survey, timed, refusal);
    if (!diverted) return Failure(diverted.error());
    std::vector<wire::ThreadImage> images = std::move(*diverted);
    entered_ = true;
    bool stopped = std::any_of(held->threads().begin(), held->threads().end(),
        [](tracee::Thread const& thread) { return thread.group_stopped; });
    if (stopped) set_afloat(std::move(*held));
    while (!held->threads().empty())
        (void)held->detach(held->threads().front());

    auto done = wait_entered(images.size());
    if (done) done = take_sockets(enter_patience);
    for (auto& image : images) {
        if (!done) break;
        auto state = slot(image.slot);
        if (!state) {
            done = Failure(state.error());
            break;
        }
        if (state->private_words[wire::restart_word] != 0)
            state->thread.pending = wire::Pending::call;
        image.thread_state.assign(
            reinterpret_cast<char const*>(&state->thread), sizeof state->thread);
    }
    if (!done) {
        (void)release();
        return Failure(done.error());
    }
    return images;
}

Status Body::wait_entered(size_t threads) {
    Deadline deadline = Deadline::after(enter_patience);
    for (size_t i = 0; i <= threads;) {
        auto state = TRY(memory_.get<SlotState>(slot_address(i) + offsetof(wire::Slot, state)));
        if (state == SlotState::waiting) {
            ++i;
            continue;
        }
        if (i == 0 && state == SlotState::gone)
            return deny(EAGAIN, "the porter could not be started");
        if (deadline.passed())
            return deny(
                EBUSY, "slot {} does not enter the runtime (state {})", i, static_cast<int>(state));
        TRY(keep_afloat());
        nap(20);
    }
    return {};
}

} // namespace rove::migrate
