// SPDX-License-Identifier: Apache-2.0
// Board: the fixed list of members.
#include "node/board.hh"

#include <string_view>

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

void ListBoard::set_own(wire::Bulletin bulletin) {
    own_ = std::move(bulletin);
}

void ListBoard::add(std::string const& name, std::string const& address) {
    slots_[name].address = address;
}

void ListBoard::hear(wire::Bulletin bulletin, Nanos now) {
    std::string name = bulletin.name;
    if (name == own_.name) return;
    auto found = slots_.find(name);
    if (found == slots_.end()) return; // membership is the list's
    Slot& slot = found->second;
    bool new_incarnation = slot.bulletin && slot.bulletin->incarnation != bulletin.incarnation;
    slot.bulletin = std::move(bulletin);
    slot.heard = now;
    slot.left = false;
    slot.trouble.clear();
    tell(name, slot, now, new_incarnation);
}

void ListBoard::set_left(std::string const& name, Nanos now) {
    auto found = slots_.find(name);
    if (found == slots_.end()) return;
    found->second.left = true;
    tell(name, found->second, now, false);
}

void ListBoard::set_trouble(std::string const& name, std::string why) {
    auto found = slots_.find(name);
    if (found != slots_.end()) found->second.trouble = std::move(why);
}

void ListBoard::tick(Nanos now) {
    for (auto& [name, slot] : slots_)
        tell(name, slot, now, false);
}

void ListBoard::tell(std::string const& name, Slot& slot, Nanos now, bool new_incarnation) {
    Member member = view(name, slot, now);
    if (member.state == slot.told && !new_incarnation) return;
    slot.told = member.state;
    for (Changed const& changed : changed_)
        changed(member, new_incarnation);
}

Member ListBoard::view(std::string const& name, Slot const& slot, Nanos now) const {
    Member member;
    member.name = name;
    member.address = slot.address;
    member.bulletin = slot.bulletin;
    member.trouble = slot.trouble;
    if (slot.bulletin) {
        member.age = now - slot.heard;
        if (*member.age < suspect_after)
            member.state = slot.bulletin->blocked ? MemberState::blocked : MemberState::up;
        else if (*member.age < dead_after)
            member.state = MemberState::suspect;
        if (!slot.bulletin->addresses.empty()) member.address = slot.bulletin->addresses.front();
    }
    if (slot.left) member.state = MemberState::left;
    return member;
}

std::optional<Member> ListBoard::find(std::string const& name, Nanos now) const {
    if (name == own_.name) {
        Member self;
        self.name = name;
        self.address = own_.addresses.empty() ? "" : own_.addresses.front();
        self.state = own_.blocked ? MemberState::blocked : MemberState::up;
        self.bulletin = own_;
        self.age = Nanos(0);
        return self;
    }
    auto found = slots_.find(name);
    if (found == slots_.end()) return std::nullopt;
    return view(name, found->second, now);
}

namespace {
// n2 before n10: digits count as numbers.
struct NaturalLess {
    bool operator()(std::string const& a, std::string const& b) const {
        auto digit = [](char c) { return c >= '0' && c <= '9'; };
        size_t i = 0, j = 0;
        while (i < a.size() && j < b.size()) {
            if (!digit(a[i]) || !digit(b[j])) {
                if (a[i] != b[j]) return a[i] < b[j];
                ++i, ++j;
                continue;
            }
            auto number = [&](std::string const& text, size_t& at) {
                while (at < text.size() && text[at] == '0')
                    ++at;
                size_t from = at;
                while (at < text.size() && digit(text[at]))
                    ++at;
                return std::string_view(text).substr(from, at - from);
            };
            auto first = number(a, i), second = number(b, j);
            if (first.size() != second.size()) return first.size() < second.size();
            if (first != second) return first < second;
        }
        return a.size() - i != b.size() - j ? a.size() - i < b.size() - j
                                            : a < b; // n1 and n01 are two
    }
};
} // namespace

std::vector<Member> ListBoard::members(Nanos now) const {
    std::map<std::string, Member, NaturalLess> sorted;
    for (auto const& [name, slot] : slots_)
        if (name != own_.name) sorted[name] = view(name, slot, now);
    sorted[own_.name] = *find(own_.name, now);
    std::vector<Member> all;
    for (auto& [name, member] : sorted)
        all.push_back(std::move(member));
    return all;
}

} // namespace rove::node
