// SPDX-License-Identifier: Apache-2.0
// Frame: building and reading rt_sigframes.
#include "image/frame.hh"

#include <cstddef>
#include <cstring>

namespace rove::image {

namespace {

// struct rt_sigframe of x86-64: pretcode, ucontext, siginfo; the extended state lies where
// uc_mcontext.fpstate points to.
struct KernelContext {
    uint64_t flags, link, stack_base;
    uint32_t stack_flags, stack_padding;
    uint64_t stack_size;
    uint64_t registers[greg_count];
    uint64_t fpstate;
    uint64_t reserved[8];
    uint64_t mask;
};
struct KernelFrame {
    uint64_t pretcode;
    KernelContext context;
    uint8_t siginfo[128];
};
static_assert(sizeof(KernelContext) == 304 && sizeof(KernelFrame) == 440);

struct XsaveWords {
    uint32_t magic1, extended_size;
    uint64_t features;
    uint32_t xsave_size, padding[7];
};
static_assert(sizeof(XsaveWords) == 48);

constexpr uint64_t words_offset = 464;  // of XsaveWords in the area
constexpr uint64_t header_offset = 512; // XSTATE_BV, XCOMP_BV, reserved
constexpr uint32_t magic1 = 0x46505853, magic2 = 0x46505845;
constexpr uint64_t segments_64 = 0x002b000000000033; // ss, fs = gs = 0, cs
constexpr uint64_t context_flags = 7; // UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS
// What a program can set in its flags word: the rest is forced by sigreturn anyway.
constexpr uint64_t flags_settable = 0x244dd5;

uint64_t fp_address(uint64_t frame) {
    return (frame + sizeof(KernelFrame) + 63) & ~uint64_t{63};
}

Status check_xsave(ByteView area, XsaveFormat const& format) {
    if (area.size() < format.size) return fail(EBADMSG, "an XSAVE area of {} bytes", area.size());
    uint64_t header[8];
    std::memcpy(header, area.data() + header_offset, sizeof header);
    if ((header[0] & ~format.features) != 0)
        return fail(EBADMSG, "XSAVE features {:#x}", header[0]);
    for (int i = 1; i < 8; ++i)
        if (header[i] != 0) return fail(EBADMSG, "an XSAVE header that is not of standard format");
    uint32_t mxcsr = 0;
    std::memcpy(&mxcsr, area.data() + 24, sizeof mxcsr);
    if ((mxcsr & ~0xffffu) != 0) return fail(EBADMSG, "MXCSR {:#x}", mxcsr);
    return {};
}

} // namespace

Registers from_user_regs(user_regs_struct const& r) {
    return {r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rdi, r.rsi, r.rbp, r.rbx, r.rdx,
        r.rax, r.rcx, r.rsp, r.rip, r.eflags & flags_settable, segments_64, 0, 0, 0, 0};
}

void to_user_regs(Registers const& from, user_regs_struct& to) {
    unsigned long long* const words[] = {&to.r8, &to.r9, &to.r10, &to.r11, &to.r12, &to.r13,
        &to.r14, &to.r15, &to.rdi, &to.rsi, &to.rbp, &to.rbx, &to.rdx, &to.rax, &to.rcx, &to.rsp,
        &to.rip};
    for (size_t i = 0; i <= greg_rip; ++i)
        *words[i] = from[i];
    to.eflags = (to.eflags & ~flags_settable) | (from[greg_flags] & flags_settable);
}

uint64_t frame_address(uint64_t area) {
    return ((area + 15) & ~uint64_t{15}) + 8;
}

uint64_t frame_size(XsaveFormat const& format) {
    return sizeof(KernelFrame) + 63 + format.size + sizeof magic2;
}

Result<std::string> build_frame(
    uint64_t address, FrameParts const& parts, XsaveFormat const& format, uint64_t pretcode) {
    if (parts.registers.size() != greg_count)
        return fail(EBADMSG, "{} registers", parts.registers.size());
    TRY(check_xsave(as_bytes(parts.xsave), format));
    KernelFrame frame{};
    frame.pretcode = pretcode;
    frame.context.flags = context_flags;
    frame.context.stack_flags = 2; // SS_DISABLE: the runtime sets the alternate stack itself
    std::memcpy(frame.context.registers, parts.registers.data(), sizeof frame.context.registers);
    frame.context.registers[greg_flags] = (parts.registers[greg_flags] & flags_settable) | 0x202;
    frame.context.registers[greg_segments] = segments_64;
    frame.context.mask = parts.mask;
    uint64_t fp = fp_address(address);
    frame.context.fpstate = fp;

    std::string bytes(fp - address + format.size + sizeof magic2, '\0');
    std::memcpy(bytes.data(), &frame, sizeof frame);
    char* area = bytes.data() + (fp - address);
    std::memcpy(area, parts.xsave.data(), format.size);
    XsaveWords words{};
    words.magic1 = magic1;
    words.extended_size = static_cast<uint32_t>(format.size + sizeof magic2);
    words.features = format.features;
    words.xsave_size = static_cast<uint32_t>(format.size);
    std::memcpy(area + words_offset, &words, sizeof words);
    std::memcpy(area + format.size, &magic2, sizeof magic2);
    return bytes;
}

Result<FrameParts> parse_frame(uint64_t address, ByteView bytes, XsaveFormat const& format) {
    ByteReader reader(bytes);
    auto frame = TRY(reader.get<KernelFrame>());
    uint64_t fp = frame.context.fpstate;
    if (fp < address + sizeof(KernelFrame) || fp - address > bytes.size() || fp % 64 != 0)
        return fail(EBADMSG, "a frame whose extended state lies outside");
    ByteView area = bytes.subspan(fp - address);
    if (area.size() < format.size) return fail(EBADMSG, "a frame that is cut off");
    XsaveWords words;
    std::memcpy(&words, area.data() + words_offset, sizeof words);
    if (words.magic1 != magic1 || words.xsave_size != format.size)
        return fail(EBADMSG, "a frame with an XSAVE area of {} bytes, not {}", words.xsave_size,
            format.size);
    TRY(check_xsave(area, format));
    FrameParts parts;
    parts.registers.assign(frame.context.registers, frame.context.registers + greg_count);
    parts.xsave = std::string(as_text(area.first(format.size)));
    parts.mask = frame.context.mask;
    return parts;
}

} // namespace rove::image
