// SPDX-License-Identifier: Apache-2.0
// Extended state: a thread's floating-point and vector registers, as this machine keeps them and
// as they travel.
//
// Where a component lies in an XSAVE area is each processor's own choice (AVX-512's are at 832 on
// AMD's, at 1088 on Intel's), and how many there are, too. So what travels is packed: the legacy
// area, the header, and behind it the components that are in use, in the order of their numbers.
// A machine that lacks one of those cannot take the thread; one that is not in use is not missed.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hh"
#include "base/result.hh"

namespace rove::image {

inline constexpr unsigned components_end = 10; // numbers of those that can travel are below

// What a machine's XSAVE areas look like.
struct XsaveFormat {
    uint64_t size = 0;     // bytes, without magic2
    uint64_t features = 0; // of XCR0, without those that need permission (AMX data)
    std::array<uint32_t, components_end> offsets{}; // 0: it has none
};
// Whether the processor and the kernel keep state in that way: nothing is moved without it.
bool has_xsave();
// Of the machine that this runs on. Requires: has_xsave().
XsaveFormat machine_format();
// Where its components lie, for another machine to compare.
std::vector<uint32_t> component_offsets();

// `area` is PTRACE_GETREGSET's NT_X86_XSTATE. Fails with ENOTSUP if it holds what `format` does not
// have room for: AMX data in use.
Status check_area(ByteView area, XsaveFormat const& format);

// Both fail with ENOTSUP if what is in use cannot travel, or cannot be here.
Result<std::string> pack_area(ByteView area, XsaveFormat const& format);
Result<std::string> unpack_area(ByteView packed, XsaveFormat const& format);

} // namespace rove::image
