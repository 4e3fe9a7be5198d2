// SPDX-License-Identifier: Apache-2.0
// Board: what this node knows of all, with ages.
//
// Board is the interface; ListBoard serves it for a fixed list of members that send bulletins to
// each other directly. Pure: the time is an argument, and a change is told to whoever subscribed.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hh"
#include "wire/peer.hh"

namespace rove::node {

constexpr Nanos bulletin_period = std::chrono::milliseconds(500);
constexpr Nanos suspect_after = std::chrono::milliseconds(1500);
constexpr Nanos dead_after = std::chrono::seconds(3);

enum class MemberState : uint8_t { up, blocked, suspect, dead, left };
char const* word(MemberState state);

struct Member {
    std::string name;
    std::string address; // what `rove nodes` shows
    MemberState state = MemberState::dead;
    std::optional<wire::Bulletin> bulletin; // the last one
    std::optional<Nanos> age;               // of it
    std::string trouble;                    // why it cannot be reached, one clause, if known
    bool reachable() const {
        return state == MemberState::up || state == MemberState::blocked ||
               state == MemberState::suspect;
    }
};

class Board {
public:
    virtual ~Board() = default;
    // Sorted by name, this node among them.
    virtual std::vector<Member> members(Nanos now) const = 0;
    virtual std::optional<Member> find(std::string const& name, Nanos now) const = 0;
    // Called with the member as it has become: state changes and new incarnations.
    using Changed = std::function<void(Member const& member, bool new_incarnation)>;
    virtual void subscribe(Changed changed) = 0;
};

class ListBoard : public Board {
public:
    void set_own(wire::Bulletin bulletin);
    void add(std::string const& name, std::string const& address);
    void hear(wire::Bulletin bulletin, Nanos now);
    void set_left(std::string const& name, Nanos now);
    void set_trouble(std::string const& name, std::string why);
    // Tells subscribers what time alone has changed.
    void tick(Nanos now);

    wire::Bulletin const& own() const { return own_; }
    std::vector<Member> members(Nanos now) const override;
    std::optional<Member> find(std::string const& name, Nanos now) const override;
    void subscribe(Changed changed) override { changed_.push_back(std::move(changed)); }

private:
    struct Slot {
        std::string address;
        std::optional<wire::Bulletin> bulletin;
        Nanos heard{};
        bool left = false;
        std::string trouble;
        MemberState told = MemberState::dead;
    };
    Member view(std::string const& name, Slot const& slot, Nanos now) const;
    void tell(std::string const& name, Slot& slot, Nanos now, bool new_incarnation);

    wire::Bulletin own_;
    std::map<std::string, Slot> slots_;
    std::vector<Changed> changed_;
};

} // namespace rove::node
