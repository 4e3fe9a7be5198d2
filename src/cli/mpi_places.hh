// SPDX-License-Identifier: Apache-2.0
// MPI places: on which nodes the ranks of a job begin.
//
// The one who starts the job looks at the board once and writes a list of places; each rank finds
// its own in it by its number. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/trouble.hh"

namespace rove::cli {

struct Room {
    std::string node;
    double cores = 1;
    double speed = 1;
    double load = 0; // 1: its cores are just full
};

enum class Share {
    blocks, // equal numbers, neighbours together: ranks 0 and 1, 2 and 3 …
    turns,  // each rank has a place of its own; when all are taken it begins anew
};

struct Places {
    Share share = Share::blocks;
    std::vector<std::string> nodes;
};

/// What a job is given: how many of its ranks have a core of their own, and where they begin;
/// without places at home, from where they spread by themselves.
struct Allotment {
    size_t slots = 0;
    std::optional<Places> places;
};

/// "3 turns n1 n2 n3", or "3" without places.
std::string text_of(Allotment const& allotment);

/// `way`: "home", "best" or "spread:K".
client::Asked<Allotment> allot(std::string_view way, std::vector<Room> const& rooms);

/// The `count` nodes with the most room. Trouble if there are not so many.
client::Asked<Places> spread_over(std::vector<Room> rooms, size_t count);

/// A place for each free core, the one where a rank runs fastest first; at least one.
client::Asked<Places> best_first(std::vector<Room> const& rooms);

/// As the value of an environment variable, and back; nothing if it is no such text.
std::string text_of(Places const& places);
std::optional<Places> places_of(std::string_view text);

/// Where rank `rank` of `size` begins. Requires: places that are not empty, rank < size.
std::string const& place_of(Places const& places, size_t rank, size_t size);

} // namespace rove::cli
