// SPDX-License-Identifier: Apache-2.0
// Numbers: descriptors and a slot of the guest that its warden chooses, and its address space's
// end. It has no descriptors but those that it is given.
#pragma once

#include "wire/region.hh"

namespace rove::warden {

inline constexpr int holder_number = 15;                 // until the holder has it
inline constexpr int command_number = holder_number + 1; // whose guests have none below it
inline constexpr int service_number = command_number + 1;
inline constexpr int pages_number = command_number + 2;
inline constexpr int vdso_number = command_number + 3; // until it is mapped
inline constexpr int segments_first = command_number + 4;
inline constexpr int faults_number = command_number + 7; // for good; segments are closed by then
inline constexpr int links_first = command_number + 8; // plus the slot: segments are closed by then

inline constexpr uint32_t spare_slot = wire::holder_slot; // no thread's: vdso and vvar wait there

inline constexpr uint64_t address_end = 0x7ffffffff000; // of what a program can have

} // namespace rove::warden
