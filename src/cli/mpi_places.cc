// SPDX-License-Identifier: Apache-2.0
// MPI places: choosing by free cores and speed; see mpi_places.hh.
#include "cli/mpi_places.hh"

#include <algorithm>
#include <cmath>

#include <fmt/core.h>

#include "base/check.hh"
#include "base/text.hh"

namespace rove::cli {

using client::Asked;
using client::Exit;
using client::Trouble;
using client::trouble;

namespace {

// One variable of the environment may not be longer than 128 KiB.
constexpr size_t places_max = 1024;

double free_cores(Room const& room) {
    return room.cores * std::max(0.0, 1 - room.load);
}

// Ranks that have a core of their own there. A node of less than a core takes one rank if it has
// nothing else to do.
size_t slots_of(Room const& room) {
    return room.load < 1 ? static_cast<size_t>(std::max(1.0, std::round(free_cores(room)))) : 0;
}

size_t slots_of(std::vector<Room> const& rooms) {
    size_t all = 0;
    for (Room const& room : rooms)
        all += slots_of(room);
    return all;
}

// Of equal numbers on each of these nodes.
size_t slots_of(Places const& places, std::vector<Room> const& rooms) {
    size_t least = SIZE_MAX;
    for (Room const& room : rooms)
        if (std::find(places.nodes.begin(), places.nodes.end(), room.node) != places.nodes.end())
            least = std::min(least, slots_of(room));
    return least * places.nodes.size();
}

// The speed of one more rank beside what runs there and `begun` ranks of ours.
double speed_of_next(Room const& room, size_t begun) {
    double const wanted = room.cores * room.load + static_cast<double>(begun) + 1;
    return room.speed * std::min(1.0, room.cores / wanted);
}

tl::unexpected<Trouble> nobody() {
    return trouble(Exit::cannot_start, "no node is up; 'rove nodes' shows them");
}

} // namespace

Asked<Places> spread_over(std::vector<Room> rooms, size_t count) {
    if (rooms.empty()) return nobody();
    if (count > rooms.size())
        return trouble(Exit::cannot_start,
            fmt::format("--spread {} needs {} nodes, and {} up; 'rove nodes' shows them", count,
                count, rooms.size() == 1 ? "one is" : fmt::format("{} are", rooms.size())));
    std::stable_sort(rooms.begin(), rooms.end(), [](Room const& one, Room const& other) {
        return free_cores(one) * one.speed > free_cores(other) * other.speed;
    });
    Places places;
    for (size_t i = 0; i < count; i++)
        places.nodes.push_back(rooms[i].node);
    return places;
}

Asked<Places> best_first(std::vector<Room> const& rooms) {
    if (rooms.empty()) return nobody();
    std::vector<size_t> begun(rooms.size());
    auto const has_room = [&](size_t i) { return begun[i] < slots_of(rooms[i]); };
    Places places{Share::turns, {}};
    while (places.nodes.size() < places_max) {
        std::optional<size_t> best;
        for (size_t i = 0; i < rooms.size(); i++)
            if (has_room(i) && (!best || speed_of_next(rooms[i], begun[i]) >
                                             speed_of_next(rooms[*best], begun[*best])))
                best = i;
        if (!best) break;
        places.nodes.push_back(rooms[*best].node);
        begun[*best]++;
    }
    if (!places.nodes.empty()) return places;
    // All are full: each gets as many as any other.
    for (Room const& room : rooms)
        places.nodes.push_back(room.node);
    return places;
}

Asked<Allotment> allot(std::string_view way, std::vector<Room> const& rooms) {
    if (rooms.empty()) return nobody();
    if (way == "home") return Allotment{slots_of(rooms), std::nullopt};
    if (way == "best") {
        Asked<Places> places = best_first(rooms);
        if (!places) return tl::unexpected<Trouble>(places.error());
        return Allotment{slots_of(rooms), std::move(*places)};
    }
    constexpr std::string_view spread = "spread:";
    Result<size_t> const count = way.starts_with(spread)
                                     ? parse_number<size_t>(way.substr(spread.size()))
                                     : Result<size_t>(0);
    if (!count || *count < 1)
        return trouble(Exit::usage,
            fmt::format("'{}' is none of home, best and spread:K with a number of nodes", way));
    Asked<Places> places = spread_over(rooms, *count);
    if (!places) return tl::unexpected<Trouble>(places.error());
    size_t const slots = slots_of(*places, rooms);
    return Allotment{slots, std::move(*places)};
}

std::string text_of(Allotment const& allotment) {
    std::string const slots = fmt::format("{}", allotment.slots);
    return allotment.places ? slots + " " + text_of(*allotment.places) : slots;
}

std::string text_of(Places const& places) {
    return fmt::format(
        "{} {}", places.share == Share::blocks ? "blocks" : "turns", join(places.nodes, " "));
}

std::optional<Places> places_of(std::string_view text) {
    auto const parts = words(text);
    if (parts.size() < 2 || (parts[0] != "blocks" && parts[0] != "turns")) return std::nullopt;
    Places places;
    places.share = parts[0] == "blocks" ? Share::blocks : Share::turns;
    places.nodes.assign(parts.begin() + 1, parts.end());
    return places;
}

std::string const& place_of(Places const& places, size_t rank, size_t size) {
    CHECK(!places.nodes.empty() && rank < size);
    size_t const count = places.nodes.size();
    return places.nodes[places.share == Share::blocks ? rank * count / size : rank % count];
}

} // namespace rove::cli
