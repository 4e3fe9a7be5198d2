// SPDX-License-Identifier: Apache-2.0
// Numbers: descriptors and a slot of the guest that its warden chooses, and its address space's
// end. It has no descriptors but those that it is given.
#pragma once

#include "wire/region.hh"

namespace rove::warden {

inline constexpr int command_number = 16;
inline constexpr int service_number = command_number + 1;
inline constexpr int pages_number = command_number + 2;
inline constexpr int vdso_number = command_number + 3; // until it is mapped
inline constexpr int segments_first = command_number + 4;
inline constexpr int links_first = command_number + 8; // plus the slot: segments are closed by then

inline constexpr uint32_t spare_slot = wire::slots_max - 1; // no thread's: vdso and vvar wait there

inline constexpr uint64_t address_end = 0x7ffffffff000; // of what a program can have

} // namespace rove::warden
