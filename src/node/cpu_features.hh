// SPDX-License-Identifier: Apache-2.0
// CPU features: what programs may find out about a CPU and then rely on, as one vector of words.
//
// Word order is APPEND ONLY; numbers are the protocol. A bit without a name is not compared: it
// does not change what a program may execute (hypervisor, OSXSAVE …) or is newer than this list.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/cpu_level.hh"

namespace rove::node {

using CpuFeatures = std::vector<uint32_t>;

// Whether it is the name of one that is compared here.
bool is_cpu_feature(std::string_view name);

// Of the CPU that we run on, without those named in `hidden`.
CpuFeatures cpu_features(std::vector<std::string> const& hidden);

// What a program of that level needs of a CPU. Not for `any`.
CpuFeatures features_of(CpuLevel level);

// Names of the bits that `wanted` has and `offered` lacks, in a fixed order.
std::vector<std::string> missing_features(CpuFeatures const& wanted, CpuFeatures const& offered);

// Of those, only the registers that a thread has: which of them exist cannot be hidden, and what
// saves them all (XSAVE) writes as much as the CPU has.
CpuFeatures registers_of(CpuFeatures const& features);

} // namespace rove::node
