// SPDX-License-Identifier: Apache-2.0
// Address: names one mailbox for ever: the node where its process was started, the process there,
// and an incarnation that no other mailbox of that node ever has.
//
// It says nothing about where the process runs: moves do not change it.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hh"

namespace rove::mailbox {

inline constexpr size_t home_length_max = 63; // of a node's name

struct Address {
    std::string home;
    int32_t process = 0;
    uint64_t incarnation = 0;

    auto operator<=>(Address const&) const = default;
    bool operator==(Address const&) const = default;
};

/// "n1:4711:8c12f0a955e1d203"; the incarnation has sixteen digits, base 16.
std::string text_of(Address const& address);
/// Hostile input: nothing but what text_of writes.
Result<Address> parse_address(std::string_view text);

} // namespace rove::mailbox
