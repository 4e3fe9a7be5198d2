// SPDX-License-Identifier: Apache-2.0
// Frame: a thread's registers as the kernel's rt_sigframe, and back.
//
// A thread is set to an image by rt_sigreturn from such a frame. Registers are the 23 words of
// gregset_t, in its order; extended state is the XSAVE area as ptrace gives it here (extended.hh).
// Both directions check: the values may come from another node.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <sys/user.h>

#include "base/bytes.hh"
#include "base/result.hh"
#include "image/extended.hh"

namespace rove::image {

// Indexes in `registers`.
enum Greg : size_t {
    greg_r8,
    greg_r9,
    greg_r10,
    greg_r11,
    greg_r12,
    greg_r13,
    greg_r14,
    greg_r15,
    greg_rdi,
    greg_rsi,
    greg_rbp,
    greg_rbx,
    greg_rdx,
    greg_rax,
    greg_rcx,
    greg_rsp,
    greg_rip,
    greg_flags,
    greg_segments,
    greg_error,
    greg_trap,
    greg_oldmask,
    greg_cr2,
    greg_count
};
static_assert(greg_count == 23);

using Registers = std::vector<uint64_t>; // greg_count of them

Registers from_user_regs(user_regs_struct const& regs);
// Sets what a program can set; segments, their bases and orig_rax stay.
void to_user_regs(Registers const& from, user_regs_struct& to);

struct FrameParts {
    Registers registers;
    std::string xsave;
    uint64_t mask = 0;
};

// Bytes of the frame when it lies at `address`, which must be 8 modulo 16 aligned as the kernel's
// are (frame_address() gives one). Fails if the parts are no sound state.
Result<std::string> build_frame(
    uint64_t address, FrameParts const& parts, XsaveFormat const& format, uint64_t pretcode = 0);
// First suitable address in an area.
uint64_t frame_address(uint64_t area);
// Bytes needed from there.
uint64_t frame_size(XsaveFormat const& format);

// `bytes` are the memory at `address`, at least up to the frame's end.
Result<FrameParts> parse_frame(uint64_t address, ByteView bytes, XsaveFormat const& format);

} // namespace rove::image
