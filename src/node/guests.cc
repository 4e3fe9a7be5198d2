// SPDX-License-Identifier: Apache-2.0
// Guests: judging offers, reservations, wardens.
#include "node/guests.hh"

#include <algorithm>

#include <spdlog/spdlog.h>

#include "base/text.hh"
#include "base/units.hh"
#include "node/priorities.hh"
#include "node/proc.hh"
#include "seal/aes_gcm.hh"
#include "sys/cgroup.hh"
#include "sys/random.hh"
#include "wire/region.hh"
#include "wire/session.hh"

namespace rove::node {

using wire::Accept;
using wire::KeeperType;
using wire::Refuse;

namespace {

constexpr Nanos reservation_time = std::chrono::seconds(10);
constexpr Nanos start_patience = std::chrono::seconds(10), again_patience = std::chrono::seconds(2);
constexpr char guests_group[] = "rove-guests";
constexpr uint64_t threads_max = 8 * wire::slots_max; // of a program's guests here

bool listed(std::vector<std::string> const& list, std::string const& name) {
    return std::any_of(list.begin(), list.end(),
        [&](std::string const& item) { return item == "*" || item == name; });
}

// The same session has the same number after a restart of the daemon; sixteen bits of it are
// enough for a node's guests, and a number in use is not given twice.
uint32_t preferred_slot(std::string const& session) {
    uint32_t hash = 2166136261u;
    for (unsigned char c : session)
        hash = (hash ^ c) * 16777619u;
    return hash % 60000;
}

} // namespace

Refuse judge_offer(wire::Offer const& offer, Grants const& grants, uint64_t guests_now,
    uint64_t memory_used, uint64_t memory_free, Cpu const& own, std::string const& node) {
    if (grants.blocked)
        return {
            "", fmt::format("{} takes no guests; 'rove node unblock {}' changes that", node, node)};
    if (offer.session_version != wire::session_version)
        return {"", fmt::format("{} speaks version {} of the session protocol, not {}; run the "
                                "same version of Rove on both",
                        node, wire::session_version, offer.session_version)};
    if (!listed(grants.homes, offer.identity.home))
        return {"",
            fmt::format("{} takes no guests from {} (guests.homes)", node, offer.identity.home)};
    if (!listed(grants.users, offer.user))
        return {"", fmt::format("{} takes no guests of user {} (guests.users)", node, offer.user)};
    if (guests_now >= grants.max)
        return {"", fmt::format("{} is full: it takes {} guests (guests.max)", node, grants.max)};
    if (grants.memory != 0 && memory_used + offer.memory_bytes > grants.memory)
        return {"",
            fmt::format("{} grants its guests {} of memory, {} more does not fit (guests.memory)",
                node, print_size(grants.memory), print_size(offer.memory_bytes))};
    if (offer.memory_bytes > memory_free)
        return {"", fmt::format("{} has {} of free memory, the process has {}", node,
                        print_size(memory_free), print_size(offer.memory_bytes))};
    return judge_cpu(offer, own, node);
}

Guests::Guests(asio::io_context& io, Config const& config, Keepers& keepers, Host host)
    : io_(io), config_(config), keepers_(keepers), host_(std::move(host)) {
    // Groups of guests whose wardens do not report to this daemon are left-overs.
    auto top = sys::Cgroup::top();
    if (!top || !top->child(guests_group).exists()) return;
    auto names = top->child(guests_group).children();
    if (!names) return;
    for (std::string const& session : *names)
        start(io_, clean(session));
}

Task<> Guests::clean(std::string group) {
    // Wardens that live report within a fifth of a second, or later if they are busy sending
    // memory. A guest that lives has a warden that lives, so a group with members is left alone.
    for (int patience = 0; patience < 120; ++patience) {
        co_await pause(io_, std::chrono::milliseconds(500));
        if (lives_on(group)) co_return;
        auto top = sys::Cgroup::top();
        if (!top) co_return;
        auto directory = top->child(guests_group).child(group);
        if (!directory.exists() || directory.remove(Nanos(0))) co_return;
    }
}

Result<std::vector<std::string>> Guests::make_group(Guest const& guest) {
    sys::Cgroup all = TRY(TRY(sys::Cgroup::top()).create(guests_group));
    if (uint64_t limit = static_cast<uint64_t>(config_.number("guests.memory")); limit != 0)
        TRY(all.set_memory(limit, std::nullopt));
    if (int64_t weight = config_.number("guests.cpu_weight"); weight != 100)
        TRY(all.set_cpu_weight(static_cast<unsigned>(weight)));
    sys::Cgroup own = TRY(all.create(guest.session));
    // Threads and children are all that guests make here. Where the controller is missing, `rove
    // check` says what that costs.
    if (auto limited = own.set_pids(threads_max); !limited)
        spdlog::debug("no limit on a guest's threads: {}", limited.error().sentence());
    return own.directories();
}

// What every warden of this node is told.
wire::WardenOrder Guests::order_for(Guest const& guest, std::string const& token) const {
    wire::WardenOrder order;
    order.identity = guest.identity;
    order.token = token;
    order.node = host_.node;
    order.run_dir = host_.run_dir;
    order.listen = host_.addresses;
    auto ports = parse_ports(config_.text("links.port_range")).value_or(Ports{});
    order.port_first = ports.first;
    order.port_last = ports.last;
    if (::geteuid() == 0)
        order.guest_uid = order.guest_gid =
            static_cast<uint32_t>(config_.number("guests.uid_base")) + guest.slot;
    order.user = guest.user;
    order.command = guest.command;
    order.memory_limit = static_cast<uint64_t>(config_.number("guests.memory"));
    order.oom_score_adj = 300; // where memory ends, guests end before the host's own programs
    order.nice = static_cast<int32_t>(config_.number("guests.nice"));
    order.keep_ms = static_cast<uint64_t>(config_.number("guests.keep")) / 1'000'000;
    return order;
}

Task<Guests::Landed> Guests::offer(wire::Offer offer, bool blocked, uint64_t memory_free) {
    Grants grants{static_cast<uint64_t>(config_.number("guests.max")),
        static_cast<uint64_t>(config_.number("guests.memory")), config_.texts("guests.homes"),
        config_.texts("guests.users"), blocked};
    uint64_t used = 0, present = 0;
    for (auto const& [session, guest] : guests_) {
        if (guest.kept) continue;
        used += guest.memory_bytes;
        ++present;
    }
    Refuse refuse = judge_offer(offer, grants, present, used, memory_free, host_.cpu, host_.node);
    if (!refuse.text.empty()) co_return refuse;

    bool sealed = offer.encrypt != 0 || config_.flag("link.encrypt");
    if (sealed && !seal::is_available())
        co_return Refuse{
            "", fmt::format("{} cannot encrypt (link.encrypt): its processor lacks the "
                            "instructions for AES",
                    host_.node)};
    size_t token_size = sealed ? wire::token_size : wire::token_said;
    auto token_bytes = sys::random_bytes(token_size), session_bytes = sys::random_bytes(8);
    if (!token_bytes || !session_bytes) co_return Refuse{"", host_.node + " has no random numbers"};
    std::string token = *token_bytes, session = hex(*session_bytes);
    Guest guest;
    guest.session = guest.group = session;
    guest.identity = offer.identity;
    guest.user = offer.user;
    guest.command = offer.command;
    guest.memory_bytes = offer.memory_bytes;
    guest.offer = offer;
    guest.offered = monotonic_now();
    guest.listening = std::make_shared<Event>(io_);
    if (auto const* kept = find_kept(offer)) {
        // Its memory is here: who has that waits for it once more.
        guest.group = kept->group;
        guest.slot = kept->slot;
        guest.warden_pid = kept->warden_pid;
        auto told = kept->warden->send(wire::KeeperType::again, wire::Again{session, token});
        guests_[session] = guest;
        if (told) {
            auto landed = co_await await_landing(session, token, again_patience);
            if (std::holds_alternative<Accept>(landed)) co_return landed;
        }
        guests_.erase(session); // it has just been given up
        guest.group = session;
    }
    uint64_t room = memory_free - std::min(memory_free, offer.memory_bytes);
    if (grants.memory != 0) room = std::min(room, grants.memory - used - offer.memory_bytes);
    give_up_kept(room);
    guest.slot = preferred_slot(session);
    while (std::any_of(guests_.begin(), guests_.end(),
        [&](auto const& other) { return other.second.slot == guest.slot; }))
        guest.slot = (guest.slot + 1) % 60000;
    wire::WardenOrder order = order_for(guest, token);
    auto groups = make_group(guest);
    if (!groups) {
        spdlog::warn("no cgroup for a guest: {}", groups.error().sentence());
        co_return Refuse{"", fmt::format("{} cannot make a cgroup for it: {}", host_.node,
                                 groups.error().sentence())};
    }
    order.cgroups = *groups;
    auto warden = keepers_.spawn("warden", {"--session", session}, wire::encode(order));
    if (!warden) {
        spdlog::error("cannot start a warden: {}", warden.error().sentence());
        start(io_, clean(session));
        co_return Refuse{
            "", fmt::format("{} cannot start a warden: {}", host_.node, warden.error().sentence())};
    }
    guest.warden_pid = *warden;
    guests_[session] = std::move(guest);
    co_return co_await await_landing(session, token, start_patience);
}

// Its warden says hello, and where it listens.
Task<Guests::Landed> Guests::await_landing(std::string session, std::string token, Nanos patience) {
    auto listening = guests_[session].listening;
    bool said_hello = co_await listening->wait(patience);
    auto found = guests_.find(session);
    if (!said_hello || found == guests_.end() || found->second.port == 0) {
        bool own = found != guests_.end() && found->second.group == session;
        if (own) {
            end(found->second);
            guests_.erase(session);
            start(io_, clean(session));
        }
        co_return Refuse{
            "", fmt::format("the warden on {} did not start; its log says why", host_.node)};
    }
    start(io_, expire(session));
    Accept accept;
    accept.session = session;
    accept.landing = wire::Landing{host_.node, host_.addresses, found->second.port, token};
    co_return accept;
}

// The same process of the same user, whose name nobody else has had: see Identity.
Guest const* Guests::find_kept(wire::Offer const& offer) const {
    for (auto const& [session, guest] : guests_)
        if (guest.kept && guest.warden && guest.identity == offer.identity &&
            guest.user == offer.user)
            return &guest;
    return nullptr;
}

uint64_t Guests::kept_bytes() const {
    uint64_t bytes = 0;
    for (auto const& [session, guest] : guests_)
        if (guest.kept) bytes += guest.memory_bytes;
    return bytes;
}

void Guests::give_up_kept(uint64_t bytes_left) {
    std::vector<Guest*> kept;
    for (auto& [session, guest] : guests_)
        if (guest.kept) kept.push_back(&guest);
    std::sort(kept.begin(), kept.end(),
        [](Guest const* a, Guest const* b) { return a->left_at < b->left_at; });
    uint64_t bytes = kept_bytes();
    for (Guest* guest : kept) {
        if (bytes <= bytes_left) return;
        bytes -= std::min(bytes, guest->memory_bytes);
        end(*guest);
    }
}

Task<> Guests::expire(std::string session) {
    co_await pause(io_, reservation_time);
    auto found = guests_.find(session);
    if (found == guests_.end() || found->second.begun || found->second.arrived) co_return;
    spdlog::info("a reservation for {}:{} was not used", found->second.identity.home,
        found->second.identity.pid);
    withdraw(session);
}

void Guests::withdraw(std::string const& session) {
    auto found = guests_.find(session);
    if (found == guests_.end() || found->second.arrived) return;
    bool speaks = found->second.warden != nullptr;
    end(found->second);
    if (speaks) return; // the end of its connection is the end of the guest: closed()
    guests_.erase(found);
    start(io_, clean(session));
}

void Guests::end(Guest& guest) {
    // The warden ends its guest itself; a warden that never spoke is ended by its group and here.
    if (guest.warden && guest.warden->send(KeeperType::end_guest, wire::Empty{})) return;
    if (guest.warden_pid > 0) (void)::kill(guest.warden_pid, SIGKILL);
}

void Guests::home_lost(std::string const& home, uint64_t present) {
    for (auto& [session, guest] : guests_)
        if (guest.identity.home == home && guest.identity.incarnation != present) {
            spdlog::warn(
                "home {} of guest {} was restarted; the guest ends", home, guest.identity.pid);
            end(guest);
        }
}

void Guests::hello(std::shared_ptr<Keeper> keeper, wire::WardenHello hello) {
    auto& guest = guests_[hello.session];
    bool new_here = guest.session.empty();
    guest.session = hello.session;
    guest.identity = hello.identity;
    guest.warden = keeper;
    guest.priorities.reset();
    guest.warden_pid = keeper->pid();
    guest.port = hello.port;
    guest.group = hello.group;
    guest.slot = preferred_slot(hello.group);
    if (hello.memory_bytes != 0) guest.memory_bytes = hello.memory_bytes;
    if (!hello.user.empty()) guest.user = hello.user;
    if (!hello.command.empty()) guest.command = hello.command;
    if (hello.guest_pid != 0) guest.pid = hello.guest_pid;
    if (new_here) {
        // A guest that was born here, or that a former daemon let in, lives here already.
        guest.arrived = hello.guest_pid != 0;
        guest.offered = guest.arrived_at = monotonic_now();
        for (auto const& [session, other] : guests_)
            if (other.group == guest.group && &other != &guest) guest.offer = other.offer;
        guest.offer.identity = guest.identity;
        guest.offer.demand = 1;
        guest.offer.cpu_s = 0;
    }
    if (guest.listening)
        guest.listening->set();
    else if (!guest.arrived)
        start(io_, expire(hello.session));
}

bool Guests::packet(std::shared_ptr<Keeper> const& keeper, wire::KeeperPacket const& packet) {
    if (packet.type == KeeperType::priorities) return take_priorities(*keeper, packet.body);
    if (packet.type != KeeperType::warden_state) return false;
    auto state = wire::decode<wire::WardenState>(packet.body);
    if (!state) return false;
    for (auto& [session, guest] : guests_) {
        if (guest.warden != keeper) continue;
        if (state->memory_bytes != 0) guest.memory_bytes = state->memory_bytes;
        guest.cpu_us = state->cpu_us;
        if (state->guest_pid != 0) {
            guest.pid = state->guest_pid;
            guest.begun = true;
        }
        if (state->event == "arrived") {
            guest.arrived = true;
            guest.arrived_at = monotonic_now();
        }
        // Its warden has yet to end, but uses nothing any more.
        std::string event = state->event;
        if (event == "left" && std::exchange(guest.kept, false)) event.clear();
        if (event == "left") guest.arrived = false;
        if (event == "kept") { // told again and again
            if (!std::exchange(guest.kept, true)) guest.left_at = monotonic_now();
            event = std::exchange(guest.arrived, false) ? "left" : "";
        }
        if (!event.empty() && happened) happened(event, guest);
        if (state->event == "failed")
            spdlog::warn(
                "warden of {}:{}: {}", guest.identity.home, guest.identity.pid, state->text);
    }
    return true;
}

// They are told again and again: a daemon that did not listen hears of them all the same.
bool Guests::take_priorities(Keeper const& keeper, std::string_view body) {
    auto wanted = wire::decode<wire::Priorities>(body);
    if (!wanted) return false;
    for (auto& [session, guest] : guests_) {
        if (guest.warden.get() != &keeper || guest.priorities == *wanted) continue;
        int best = static_cast<int>(config_.number("guests.nice"));
        auto set = set_priorities(guest.pid, keeper.pid(), *wanted, best);
        if (!set) spdlog::debug("guest {}: {}", guest.identity.pid, set.error().sentence());
        guest.priorities = std::move(*wanted);
        break;
    }
    return true;
}

void Guests::closed(std::shared_ptr<Keeper> const& keeper) {
    for (auto at = guests_.begin(); at != guests_.end(); ++at) {
        if (at->second.warden != keeper) continue;
        if (at->second.listening) at->second.listening->set();
        std::string group = at->second.group;
        guests_.erase(at);
        // Guests that were born here live on in the group of the one that arrived.
        if (lives_on(group)) return;
        start(io_, bury(group, keeper->pid()));
        return;
    }
}

// The warden's last act is to leave its group empty; one that was killed could not. Guests that
// were born here have the same process for their warden, and may not have been heard of yet.
Task<> Guests::bury(std::string group, pid_t warden) {
    auto leaving = leaving_groups_.insert(group);
    co_await see_buried(group, warden);
    leaving_groups_.erase(leaving);
}

Task<> Guests::see_buried(std::string group, pid_t warden) {
    auto top = sys::Cgroup::top();
    if (!top) co_return;
    for (int patience = 0; patience < 60 && look_stat(warden); ++patience) {
        if (lives_on(group)) co_return;
        co_await pause(io_, std::chrono::milliseconds(5));
    }
    if (look_stat(warden)) co_return co_await clean(group);
    auto directory = top->child(guests_group).child(group);
    (void)directory.kill_all(std::chrono::milliseconds(100));
    if (!directory.remove(std::chrono::milliseconds(100))) co_await clean(group);
}

bool Guests::lives_on(std::string const& group) const {
    return std::any_of(guests_.begin(), guests_.end(),
        [&](auto const& each) { return each.second.group == group; });
}

void Guests::add_pids(std::set<pid_t>& pids) const {
    for (auto const& [session, guest] : guests_)
        pids.insert({guest.pid, guest.warden_pid});
}

Guest* Guests::find(std::string const& session) {
    auto found = guests_.find(session);
    return found == guests_.end() ? nullptr : &found->second;
}

Guest* Guests::find(std::string const& home, pid_t pid) {
    for (auto& [session, guest] : guests_)
        if (guest.arrived && guest.identity.home == home && guest.identity.pid == pid)
            return &guest;
    return nullptr;
}

std::vector<Guest> Guests::arrived() const {
    std::vector<Guest> all;
    for (auto const& [session, guest] : guests_)
        if (guest.arrived) all.push_back(guest);
    return all;
}

} // namespace rove::node
