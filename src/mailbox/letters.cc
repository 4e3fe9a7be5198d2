// SPDX-License-Identifier: Apache-2.0
// Letters: matching.
#include "mailbox/letters.hh"

#include <algorithm>

#include "base/check.hh"

namespace rove::mailbox {

bool Filter::fits(Letter const& letter) const {
    if (sender && *sender != letter.sender) return false;
    if (letter.kind != Letter::Kind::message) return true;
    std::string_view text = letter.bytes.text();
    if (text.size() < length_min || text.size() > length_max) return false;
    if (pattern.empty()) return true;
    return pattern_at <= text.size() && text.substr(pattern_at).starts_with(pattern);
}

bool Filter::fits_all(Peer from, size_t length) const {
    return (!sender || *sender == from) && length >= length_min && length <= length_max &&
           pattern.empty();
}

void Letters::fetch_home() {
    for (auto& letter : all_)
        letter.bytes.fetch_home(letter.bytes.size());
}

Letter const* Letters::find(Filter const& filter) const {
    auto found = std::find_if(
        all_.begin(), all_.end(), [&](Letter const& letter) { return filter.fits(letter); });
    return found == all_.end() ? nullptr : &*found;
}

Letter Letters::take(Letter const* found) {
    auto at = std::find_if(
        all_.begin(), all_.end(), [&](Letter const& letter) { return &letter == found; });
    CHECK(at != all_.end());
    Letter letter = std::move(*at);
    all_.erase(at);
    return letter;
}

} // namespace rove::mailbox
