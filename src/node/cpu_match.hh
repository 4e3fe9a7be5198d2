// SPDX-License-Identifier: Apache-2.0
// CPU match: whether a process of another home may run on this CPU, and come home again.
//
// What it may use must be here. By default that is all that home's CPU has, since programs and
// libraries choose by what they find at their start; one that has promised a level
// (rove run --cpu-baseline) needs no more than that. And what it finds here must be at home, since
// code that asks the CPU while it is away would choose it; the promise covers that, too.
#pragma once

#include <string>
#include <vector>

#include "node/cpu_features.hh"
#include "wire/peer.hh"

namespace rove::node {

struct Cpu {
    CpuFeatures features;
    std::vector<uint32_t> state_offsets; // of its XSAVE area, by component
};

// Why not, or an empty text. Pure.
wire::Refuse judge_cpu(wire::Offer const& offer, Cpu const& own, std::string const& node);

} // namespace rove::node
