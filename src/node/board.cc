// SPDX-License-Identifier: Apache-2.0
// Board: the words for states, and the order of names.
#include "node/board.hh"

namespace rove::node {

char const* word(MemberState state) {
    switch (state) {
    case MemberState::up:
        return "up";
    case MemberState::blocked:
        return "blocked";
    case MemberState::suspect:
        return "suspect";
    case MemberState::dead:
        return "dead";
    case MemberState::left:
        return "left";
    }
    return "dead";
}

bool NaturalLess::operator()(std::string_view a, std::string_view b) const {
    auto digit = [](char c) { return c >= '0' && c <= '9'; };
    size_t i = 0, j = 0;
    while (i < a.size() && j < b.size()) {
        if (!digit(a[i]) || !digit(b[j])) {
            if (a[i] != b[j]) return a[i] < b[j];
            ++i, ++j;
            continue;
        }
        auto number = [&](std::string_view text, size_t& at) {
            while (at < text.size() && text[at] == '0')
                ++at;
            size_t from = at;
            while (at < text.size() && digit(text[at]))
                ++at;
            return text.substr(from, at - from);
        };
        auto first = number(a, i), second = number(b, j);
        if (first.size() != second.size()) return first.size() < second.size();
        if (first != second) return first < second;
    }
    return a.size() - i != b.size() - j ? a.size() - i < b.size() - j : a < b; // n1 and n01 are two
}

} // namespace rove::node
