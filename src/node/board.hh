// SPDX-License-Identifier: Apache-2.0
// Board: what this node knows of all, with ages, as the rest of the daemon sees it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hh"

namespace rove::node {

// What a node says of itself.
struct Bulletin {
    std::string name;
    uint64_t incarnation = 0;
    std::vector<std::string> addresses; // numeric, without port
    bool blocked = false;               // takes no guests
    bool balancing = true;              // automatic migration is on
    double load = 0;                    // smoothed runnable threads ÷ cores available
    double cores = 0;
    double speed = 0; // 1.0: the reference core
    uint64_t memory_total = 0, memory_free = 0;
    uint32_t guests = 0;
    uint16_t session_version = 0;
    std::vector<uint32_t> cpu_features;
    std::string kernel;
    uint8_t group = 0;           // of the gossip
    bool crowded = false;        // short of memory, or needed by its own users: not for its cores
    uint64_t memory_movable = 0; // of processes that could leave; others hear it in quarters of all
};

enum class MemberState : uint8_t { up, blocked, suspect, dead, left };
char const* word(MemberState state);

struct Member {
    std::string name;
    std::string address; // what `rove nodes` shows
    MemberState state = MemberState::dead;
    std::optional<Bulletin> bulletin; // the last one
    std::optional<Nanos> age;         // of it
    std::string trouble;              // why it cannot be reached, one clause, if known
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

// n2 before n10: digits count as numbers.
struct NaturalLess {
    bool operator()(std::string_view a, std::string_view b) const;
};

} // namespace rove::node
