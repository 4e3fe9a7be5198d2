// SPDX-License-Identifier: Apache-2.0
// Record: a decision with all that it was made from, as bytes, so that it can be made again
// off-line.
//
// A log is records one after the other, each preceded by its length. Decoding takes hostile bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/decide.hh"

namespace rove::policy {

struct Record {
    uint16_t version = 4;
    double now_s = 0; // for people
    uint64_t seed = 0;
    Knobs knobs;
    Snapshot snapshot; // its spans are empty: nodes and processes follow
    std::vector<NodeView> nodes;
    std::vector<ProcessView> processes;
    std::vector<Order> orders; // what was decided
};

Record make_record(Snapshot const& snapshot, Knobs const& knobs, uint64_t seed, double now_s,
    Decision const& decision);
std::string encode_record(Record const& record);
// The first record of `log`, which loses it; none at its end or if it is broken.
std::optional<Record> take_record(std::string_view& log);
// Decides again.
Decision replay(Record const& record, Notes* notes = nullptr);
bool same(std::vector<Order> const& one, std::vector<Order> const& two);

} // namespace rove::policy
