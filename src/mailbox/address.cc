// SPDX-License-Identifier: Apache-2.0
// Address: as text.
#include "mailbox/address.hh"

#include <algorithm>

#include "base/text.hh"

namespace rove::mailbox {

namespace {

bool fits_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
}

} // namespace

std::string text_of(Address const& address) {
    return fmt::format("{}:{}:{:016x}", address.home, address.process, address.incarnation);
}

Result<Address> parse_address(std::string_view text) {
    auto parts = split(text, ':');
    constexpr size_t digits = 16;
    if (parts.size() != 3 || parts[0].empty() || parts[0].size() > home_length_max ||
        !std::all_of(parts[0].begin(), parts[0].end(), fits_name) || parts[2].size() != digits)
        return deny(EINVAL, "'{}' is not the address of a mailbox", printable(text.substr(0, 96)));
    Address address;
    address.home = parts[0];
    address.process = TRY(parse_number<int32_t>(parts[1]));
    address.incarnation = TRY(parse_number<uint64_t>(parts[2], 16));
    if (address.process <= 0 || text_of(address) != text)
        return deny(EINVAL, "'{}' is not the address of a mailbox", printable(text.substr(0, 96)));
    return address;
}

} // namespace rove::mailbox
