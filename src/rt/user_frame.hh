// SPDX-License-Identifier: Apache-2.0
// User frame: the kernel's rt_sigframe of x86-64, which is how a thread's registers are kept.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace rove::rt {

struct UserContext {
    uint64_t flags;
    uint64_t link;
    uint64_t stack_base;
    uint32_t stack_flags, stack_padding;
    uint64_t stack_size;
    // the order of gregset_t
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, trap, oldmask, cr2;
    uint64_t fpstate;
    uint64_t reserved[8];
    uint64_t mask;
};
static_assert(offsetof(UserContext, r8) == 40);
static_assert(offsetof(UserContext, fpstate) == 40 + 23 * 8);
static_assert(sizeof(UserContext) == 304);

struct UserFrame {
    uint64_t pretcode;
    UserContext context;
    uint8_t info[128];
};
static_assert(sizeof(UserFrame) == 440);

/// The kernel's words at the end of the FXSAVE area (struct _fpx_sw_bytes), offset 464.
struct XsaveWords {
    uint32_t magic1;        // 0x46505853
    uint32_t extended_size; // of all, with the 4 bytes of magic2
    uint64_t features;
    uint32_t xsave_size;
    uint32_t padding[7];
};
inline constexpr uint32_t xsave_magic1 = 0x46505853;
inline constexpr uint32_t xsave_magic2 = 0x46505845;
inline constexpr uint64_t xsave_words_offset = 464;
inline constexpr uint32_t xsave_size_min = 576;        // legacy area and header
inline constexpr uint64_t protection_keys = 1ull << 9; // Linux sets them in every program

/// Whether an XSAVE area stands before them, as the kernel sees it. Its size is its machine's.
constexpr bool sound(XsaveWords const& words) {
    return words.magic1 == xsave_magic1 && words.xsave_size >= xsave_size_min &&
           words.extended_size == words.xsave_size + sizeof xsave_magic2;
}

/// Bytes of the floating-point part at `fpstate`, magic2 included; 512 for a plain FXSAVE area.
inline uint64_t fp_length(uint64_t fpstate) {
    auto const* words = reinterpret_cast<XsaveWords const*>(fpstate + xsave_words_offset);
    return words->magic1 == xsave_magic1 ? words->extended_size : 512;
}

inline UserFrame* frame_of(UserContext* context) {
    return reinterpret_cast<UserFrame*>(
        reinterpret_cast<uint64_t>(context) - offsetof(UserFrame, context));
}

/// si_* fields at fixed places.
struct SignalInfo {
    int32_t number, error, code, padding;
    union {
        struct {
            int32_t pid;
            uint32_t uid;
        } sender;
        uint64_t address;
    };
    uint8_t rest[104];
};
static_assert(sizeof(SignalInfo) == 128);

inline constexpr uint64_t bit(uint32_t signal) {
    return 1ull << (signal - 1);
}
inline constexpr uint64_t never_blocked = bit(9) | bit(19);

} // namespace rove::rt
