// SPDX-License-Identifier: Apache-2.0
// Gadgets: finding instructions in a process's own text that remote calls can borrow.
//
// The vdso has a `syscall` in every process; `syscall; ret` and a signal return stand in libc, in
// Go's runtime and in static programs. No text is changed.
#include <algorithm>
#include <cstring>
#include <sys/mman.h>

#include "sys/files.hh"
#include "tracee/proc.hh"
#include "tracee/tracee.hh"

namespace rove::tracee {

namespace {

constexpr char call_bytes[] = {0x0f, 0x05};
constexpr unsigned char call_return[] = {0x0f, 0x05, 0xc3};
constexpr unsigned char back_long[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
constexpr unsigned char back_short[] = {0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05};

template <size_t N>
uint64_t find(std::string_view text, unsigned char const (&bytes)[N], uint64_t base) {
    size_t at = text.find(std::string_view(reinterpret_cast<char const*>(bytes), N));
    return at == std::string_view::npos ? 0 : base + at;
}

} // namespace

Result<Gadgets> find_gadgets(pid_t pid, RemoteMemory const& memory) {
    constexpr uint64_t part_size = 1 << 20;
    Gadgets gadgets;
    std::string part(part_size, '\0');
    auto mappings = TRY(whole_mappings(pid, "maps"));
    std::erase_if(mappings, [](image::Mapping const& mapping) {
        return (mapping.prot & PROT_EXEC) == 0 || mapping.start >= 1ull << 47;
    });
    // The vdso and the dynamic linker have them, as a rule; a program may have 20 MB of text, which
    // take longer to read than all else that its move needs.
    std::stable_sort(mappings.begin(), mappings.end(),
        [](auto const& one, auto const& other) { return one.size() < other.size(); });
    for (auto const& mapping : mappings) {
        // Parts overlap a little: a gadget may lie across a border.
        for (uint64_t at = mapping.start; at < mapping.end; at += part_size - 16) {
            size_t got = memory.read_some(at, part.data(), std::min(part_size, mapping.end - at));
            if (got == 0) break;
            std::string_view here(part.data(), got);
            if (gadgets.call == 0) gadgets.call = find(here, call_return, at);
            if (gadgets.back == 0) gadgets.back = find(here, back_long, at);
            if (gadgets.back == 0) gadgets.back = find(here, back_short, at);
            if (gadgets.lone_call == 0) {
                size_t lone = here.find(std::string_view(call_bytes, 2));
                if (lone != std::string_view::npos) gadgets.lone_call = at + lone;
            }
        }
        if (gadgets.call != 0 && gadgets.back != 0) break;
    }
    if (gadgets.lone_call == 0) gadgets.lone_call = gadgets.call;
    return gadgets;
}

bool still_there(Gadgets const& gadgets, RemoteMemory const& memory) {
    auto holds = [&](uint64_t address, auto const& bytes) {
        char now[sizeof bytes];
        return memory.read(address, now, sizeof now).has_value() &&
               std::memcmp(now, bytes, sizeof now) == 0;
    };
    if (gadgets.call != 0 ? !holds(gadgets.call, call_return)
                          : !holds(gadgets.lone_call, call_bytes))
        return false;
    return gadgets.back == 0 || holds(gadgets.back, back_long) || holds(gadgets.back, back_short);
}

} // namespace rove::tracee
