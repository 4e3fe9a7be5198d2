// SPDX-License-Identifier: Apache-2.0
// Vdso: see vdso.hh.
#include "sys/vdso.hh"

#include <elf.h>
#include <sys/auxv.h>

#include <cstring>

namespace rove::sys {

Result<std::string> own_vdso() {
    constexpr uint64_t page = 4096;
    auto const* base = reinterpret_cast<char const*>(::getauxval(AT_SYSINFO_EHDR));
    if (!base) return fail(ENOTSUP, "this kernel gives programs no vdso");
    Elf64_Ehdr header;
    std::memcpy(&header, base, sizeof header);
    uint64_t length = 0;
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment;
        std::memcpy(&segment, base + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type == PT_LOAD) length = segment.p_vaddr + segment.p_memsz;
    }
    if (length == 0) return fail(ENOTSUP, "this kernel's vdso has no content");
    return std::string(base, (length + page - 1) & ~(page - 1));
}

} // namespace rove::sys
