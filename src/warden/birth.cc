// SPDX-License-Identifier: Apache-2.0
// Birth: the first moments of a guest, up to the runtime's builder.
//
// The new process begins as a copy of its warden. Still in the warden's code it takes leave of the
// host's files and descriptors and maps the runtime's region; then it jumps into it, and the
// builder unmaps the rest of the warden.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.hh"
#include "base/log.hh"
#include "blob/blob.hh"
#include "sandbox/filter.hh"
#include "sys/files.hh"
#include "sys/process.hh"
#include "warden/blob_identity.hh"
#include "warden/guest.hh"
#include "warden/holder.hh"

namespace rove::warden {

namespace {

constexpr uint64_t page = 4096;

uint64_t page_up(uint64_t value) {
    return (value + page - 1) & ~(page - 1);
}

void* at(uint64_t address) {
    return reinterpret_cast<void*>(address);
}

// The filter lies behind the runtime's text, in the same read-only mapping.
uint64_t filter_offset() {
    return page_up(blob::size);
}

std::vector<sock_filter> filter_of(Birth const& birth) {
    sandbox::FilterPlan plan;
    plan.region = birth.order->region;
    plan.region_size = wire::rings_offset;
    plan.text_begin = plan.region + wire::text_offset;
    plan.text_size = blob::size;
    // Every descriptor that it has is the runtime's; links of new threads get the lowest numbers.
    plan.fd_first = 0;
    plan.service_fd = birth.fd_first + 1;
    plan.host_wall_clock = birth.realtime_offset_ns == 0;
    return sandbox::guest_filter(plan);
}

Status place(uint64_t address, uint64_t length, int protection) {
    void* mapped = mmap(at(address), length, protection,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (mapped != at(address)) {
        int code = mapped == MAP_FAILED ? errno : EEXIST;
        return fail(code, "cannot map the runtime's region at {:#x}", address);
    }
    (void)madvise(at(address), length, MADV_DONTDUMP);
    return {};
}

void write_control(Birth const& birth, wire::Control& control) {
    auto const& order = *birth.order;
    control.magic = wire::region_magic;
    control.version = wire::region_version;
    control.phase = wire::Phase::preparing;
    control.epoch = order.epoch;
    control.base = order.region;
    control.pid = order.identity.pid;
    control.command_fd = birth.fd_first;
    control.alarm_fd = birth.fd_first + 1;
    control.fd_first = birth.fd_first;
    control.is_guest = 1;
    control.xsave_size = order.xsave_size;
    control.xfeatures = order.xfeatures;
    control.realtime_offset_ns = static_cast<uint64_t>(birth.realtime_offset_ns);
    control.page_bytes = page;
    control.cpu_count = order.cpu_count;
    auto& token = control.tokens[order.epoch & 1];
    static_assert(sizeof token == wire::token_size);
    if (birth.token.size() != sizeof token) return; // it is not sealed
    std::memcpy(&token, birth.token.data(), sizeof token);
    control.sealed[order.epoch & 1] = 1;
}

void write_words(Birth const& birth, size_t filter_length, wire::Slot& slot) {
    slot.private_words[wire::filter_length_word] = filter_length;
    slot.private_words[wire::filter_address_word] =
        birth.order->region + wire::text_offset + filter_offset();
    slot.private_words[wire::guest_uid_word] = birth.uid;
    slot.private_words[wire::guest_gid_word] = birth.gid;
}

Status map_region(Birth const& birth, std::vector<sock_filter> const& filter) {
    uint64_t region = birth.order->region;
    uint64_t filter_bytes = filter.size() * sizeof(sock_filter);
    if (filter_offset() + filter_bytes > wire::text_size)
        return fail(ENOSPC, "the runtime's text is full");
    // The page before the text belongs to nobody.
    TRY(place(region, wire::text_offset, PROT_NONE));
    TRY(place(region + wire::text_offset, wire::text_size, PROT_READ | PROT_WRITE));
    TRY(place(region + wire::control_offset, wire::region_size - wire::control_offset,
        PROT_READ | PROT_WRITE));
    auto* text = static_cast<char*>(at(region + wire::text_offset));
    memcpy(text, blob::bytes, blob::size);
    memcpy(text + filter_offset(), filter.data(), filter_bytes);
    if (mprotect(text, wire::text_size, PROT_READ | PROT_EXEC) != 0)
        return fail(errno, "cannot make the runtime executable");
    write_control(birth, *static_cast<wire::Control*>(at(region + wire::control_offset)));
    write_words(birth, filter.size(),
        *static_cast<wire::Slot*>(at(wire::slot_address(region, wire::porter_slot))));
    return {};
}

[[noreturn]] void jump(uint64_t region) {
    uint64_t slot = wire::slot_address(region, wire::porter_slot);
    uint64_t entry = region + wire::text_offset + blob::builder_offset;
    asm volatile(
        "mov %0, %%rsp\n\txor %%ebp, %%ebp\n\tjmp *%1"
        :
        : "r"(slot + wire::slot_stack_offset + wire::slot_stack_size), "r"(entry), "D"(slot)
        : "memory");
    __builtin_unreachable();
}

Status enter_memory(Birth const& birth, std::vector<sock_filter> const& filter) {
    for (int number = 1; number < NSIG; ++number)
        (void)::signal(number, SIG_DFL);
    umask(0);
    TRY(map_region(birth, filter));
    (void)prctl(PR_SET_NAME, "rove-guest");
    sandbox::forget_libc();
    return sandbox::keep_only_descriptors(
        {{birth.command, birth.fd_first}, {birth.service, birth.fd_first + 1}});
}

Status enter(Birth const& birth, std::vector<sock_filter> const& filter) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return fail(errno, "cannot be bound to the warden");
    auto const& order = *birth.order;
    if (!birth.joined->empty()) return enter_memory(birth, filter);
    if (sethostname(order.hostname.data(), order.hostname.size()) != 0 ||
        setdomainname(order.domainname.data(), order.domainname.size()) != 0)
        return fail(errno, "cannot set the guest's host name");
    TRY(sandbox::leave_host_files());
    return enter_memory(birth, filter);
}

} // namespace

std::string blob_identity() {
    static std::string const identity = [] {
        auto hash = XXH3_128bits(blob::bytes, blob::size);
        return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
    }();
    return identity;
}

Result<Guest> Guest::create(Birth const& birth) {
    auto const& order = *birth.order;
    auto filter = filter_of(birth);
    auto errors = TRY(sys::pipe());
    Guest guest;
    guest.region_ = order.region;
    guest.process_ = TRY(sandbox::clone_guest(order.identity.pid, *birth.joined, [&] {
        errors.reader.close();
        if (auto entered = enter(birth, filter); !entered) {
            auto text = entered.error().sentence();
            (void)!::write(errors.writer.number(), text.data(), text.size());
            _exit(1);
        }
        jump(order.region);
    }));
    // The pipe ends silently when the guest has closed everything, just before it jumps.
    errors.writer.close();
    auto problem = TRY(sys::read_rest(errors.reader.number(), 4096));
    if (!problem.empty()) return fail(EIO, "cannot make the guest: {}", problem);

    TRY(guest.find_outside());
    return guest;
}

// The filter lies there since the first birth, in pages that nobody can write; it is the same.
Result<Guest> Guest::revive(Birth const& birth, Holder const& holder) {
    auto const& order = *birth.order;
    auto memory = TRY(born(holder.pid(), order.region));
    TRY(holder.clear());
    wire::Control control{};
    write_control(birth, control);
    wire::Slot slot{};
    write_words(birth, filter_of(birth).size(), slot);
    TRY(memory.write(memory.control_field(0), &control, sizeof control));
    TRY(memory.write(memory.slot(wire::porter_slot), &slot, sizeof slot));
    TRY(holder.make_guest(order.identity.pid, birth.command, birth.service));
    return born(order.identity.pid, order.region);
}

Result<Guest> Guest::born(pid_t pid, uint64_t region) {
    Guest guest;
    guest.region_ = region;
    guest.process_.pid = pid;
    guest.process_.pidfd = TRY(sys::pidfd_open(pid));
    TRY(guest.find_outside());
    return guest;
}

Result<std::vector<Fd>> Guest::namespaces() const {
    return sandbox::kept_namespaces(outside_pid_);
}

// How the host calls it: a pidfd's description in the host's own /proc tells.
Status Guest::find_outside() {
    auto about = TRY(sys::read_file(fmt::format("/proc/self/fdinfo/{}", pidfd())));
    size_t line = about.find("Pid:");
    if (line == std::string::npos) return fail(EIO, "cannot find the guest's PID on this host");
    outside_pid_ = atoi(about.c_str() + line + 4);
    proc_ = TRY(sys::open(fmt::format("/proc/{}", outside_pid_), O_PATH | O_DIRECTORY));
    return {};
}

} // namespace rove::warden
