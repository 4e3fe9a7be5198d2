// SPDX-License-Identifier: Apache-2.0
// Node: joins the parts, keeps the bulletin up to date, and serves other nodes.
#include "node/node.hh"

#include <cmath>

#include <sys/file.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <spdlog/spdlog.h>

#include "base/text.hh"
#include "image/extended.hh"
#include "node/control.hh"
#include "node/post_office.hh"
#include "policy/load.hh"
#include "sys/files.hh"
#include "sys/random.hh"
#include "wire/session.hh"

namespace rove::node {

using wire::PeerType;
namespace json = boost::json;

namespace {

std::string own_name(Config const& config) {
    if (!config.text("node.name").empty()) return config.text("node.name");
    char name[65] = {};
    (void)::gethostname(name, sizeof name - 1);
    return std::string(cut(name, '.').first);
}

std::string own_kernel() {
    utsname system{};
    (void)::uname(&system);
    return system.release;
}

// The bulletin is made anew as often as the gossip sends it.
constexpr Nanos bulletin_period = std::chrono::milliseconds(500);
constexpr uint64_t scarce_part = 16; // of all memory: less is little

gossip::Knobs gossip_knobs(Config const& config) {
    auto in_ms = [&](char const* key) {
        return static_cast<gossip::Millis>(config.number(key) / 1000000);
    };
    gossip::Knobs knobs;
    knobs.step = in_ms("gossip.step");
    knobs.average_age = in_ms("gossip.average_age");
    knobs.maximum_age = in_ms("gossip.maximum_age");
    return knobs;
}

std::vector<std::string> own_addresses(Config const& config) {
    std::vector<std::string> addresses;
    if (!config.text("node.address").empty()) addresses.push_back(config.text("node.address"));
    for (auto const& more : config.texts("node.addresses"))
        addresses.push_back(more);
    if (addresses.empty())
        for (std::string const& at : config.texts("node.listen")) {
            std::string host = at.substr(0, at.rfind(':'));
            if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
            if (!host.empty() && host != "0.0.0.0" && host != "::" && host != "*")
                addresses.push_back(host);
        }
    return addresses;
}

} // namespace

Node::Node(asio::io_context& io, Config config, std::string peer_key, std::string gossip_key)
    : io_(io),
      config_(std::move(config)),
      run_dir_(config_.text("run_dir")),
      name_(own_name(config_)),
      addresses_(own_addresses(config_)),
      cpu_{cpu_features(config_.texts("cpu.hide")), image::component_offsets()},
      speed_(measure_speed()),
      kernel_(own_kernel()),
      happenings_(name_),
      board_(gossip_knobs(config_), static_cast<uint64_t>(real_now().count())),
      gossip_key_(std::move(gossip_key)),
      keepers_(io, run_dir_,
          Keepers::Events{[this](auto keeper, auto hello) {
                              steward_hello(std::move(keeper), std::move(hello));
                          },
              [this](
                  auto keeper, auto hello) { guests_->hello(std::move(keeper), std::move(hello)); },
              [this](auto keeper, auto const& packet) {
                  return keeper->role == KeeperRole::steward ? steward_packet(keeper, packet)
                                                             : guests_->packet(keeper, packet);
              },
              [this](auto keeper) {
                  if (keeper->role == KeeperRole::steward)
                      steward_closed(keeper);
                  else
                      guests_->closed(keeper);
              },
              [this](auto const& seen) { looked(seen); }}),
      balance_(
          name_, cpu_, speed_, policy_knobs(config_), static_cast<uint64_t>(real_now().count())),
      decision_log_(run_dir_ + "/decisions", static_cast<uint64_t>(config_.number("policy.log"))),
      decision_due_(io),
      watch_due_(io),
      ended_(run_dir_ + "/ended.jsonl"),
      random_(static_cast<uint64_t>(real_now().count())) {
    blocked_ = config_.flag("move.host_blocked");
    balancing_ = config_.flag("policy.auto");
    peers_ = std::make_unique<Peers>(io_, board_, std::move(peer_key),
        [this](std::string from, PeerType type, std::string body) {
            return serve_peer(std::move(from), type, std::move(body));
        });
    guests_ = std::make_unique<Guests>(
        io_, config_, keepers_, Guests::Host{name_, run_dir_, addresses_, cpu_});
    guests_->happened = [this](std::string const& event, Guest const& guest) {
        guest_happened(event, guest);
    };
    // Somebody has a core to spare.
    board_.news = [this](std::string const& name) {
        auto member = board_.find(name, monotonic_now());
        bool idle = member && member->bulletin &&
                    policy::spare(
                        member->bulletin->load * member->bulletin->cores, member->bulletin->cores);
        if (idle && balance_.load() > board_.own().cores) hasten();
    };
    PostOffice::Place place{name_, run_dir_, addresses_, {}, {}, {}};
    place.where = [this](pid_t pid) {
        ProcessPtr process = find(pid);
        if (!process || process->place == wire::Place::home) return name_;
        return process->place == wire::Place::away ? process->host : std::string();
    };
    place.hosts = [this](std::string const& home, pid_t pid) {
        return guests_->find(home, pid) != nullptr;
    };
    place.move = [this](pid_t pid, std::string to, uid_t asker) {
        return move_for_program(pid, std::move(to), asker);
    };
    post_ = std::make_unique<PostOffice>(io_, board_, std::move(place));
    board_.subscribe([this](Member const& member, bool new_incarnation) {
        member_changed(member, new_incarnation);
    });
}

Node::~Node() = default;

// Two daemons on one directory would take each other's sockets and keepers away.
Status Node::lock_run_dir() {
    std::string path = run_dir_ + "/lock";
    lock_ = TRY(sys::open(path, O_RDWR | O_CREAT, 0600));
    if (::flock(lock_.number(), LOCK_EX | LOCK_NB) != 0) {
        auto owner = sys::read_file(path);
        return fail(0,
            "another roved (process {}) already runs with {}; stop it first, or give this one a "
            "run_dir of its own",
            owner ? trim(*owner) : "unknown", run_dir_);
    }
    return sys::write_knob(path, fmt::format("{:<10}\n", ::getpid()));
}

// The incarnation is one of this boot, not of this daemon: <run_dir> is on a file system that the
// next boot finds empty.
Status Node::recall_incarnation() {
    std::string path = run_dir_ + "/incarnation";
    auto boot = sys::read_file("/proc/sys/kernel/random/boot_id");
    std::string boot_id(boot ? trim(*boot) : "");
    if (auto text = sys::read_file(path)) {
        auto parts = words(*text);
        if (parts.size() == 2 && parts[0] == boot_id)
            if (auto number = parse_number<uint64_t>(parts[1])) incarnation_ = *number;
    }
    if (incarnation_ != 0) return {};
    std::string noise = TRY(sys::random_bytes(4));
    uint32_t low = 0;
    std::memcpy(&low, noise.data(), sizeof low);
    // Seconds above, noise below: later ones are greater, two of one second differ.
    incarnation_ = static_cast<uint64_t>(real_now().count() / 1000000000) << 24 | (low & 0xffffff);
    return sys::replace_file(path, fmt::format("{} {}\n", boot_id, incarnation_), 0600);
}

Status Node::begin() {
    TRY(sys::make_directories(run_dir_));
    TRY(lock_run_dir());
    TRY(recall_incarnation());
    TRY(begin_gossip());
    TRY(keepers_.listen());
    ended_.recall(monotonic_now());
    recall_experience();
    recall();
    refresh_own();
    for (std::string const& at : config_.texts("node.listen"))
        TRY(peers_->listen(at));
    TRY(post_->begin(*peers_));
    gossip_->begin();
    TRY(serve_control(io_, run_dir_ + "/control.sock", *this));
    start(io_, beat());
    start(io_, sense());
    start(io_, balance());
    start(io_, watch_programs());
    happenings_.add("started", 0, "", "", {});
    spdlog::info("node {} incarnation {:x}: {} cores of speed {:.2f}, {} programs", name_,
        incarnation_, board_.own().cores, speed_, programs_.size());
    return {};
}

// The board is there, and will say what it has to when all else is.
Status Node::begin_gossip() {
    auto listen = config_.texts("node.listen");
    gossip_ = TRY(GossipSocket::create(io_, board_, gossip_key_));
    for (std::string const& at : listen)
        TRY(gossip_->listen(at));
    // Who only asks is answered where it asks from.
    if (listen.empty() && !config_.peers().empty()) TRY(gossip_->listen("0.0.0.0:0"));
    uint16_t port = 0;
    if (!listen.empty())
        port = TRY(parse_number<uint16_t>(listen[0].substr(listen[0].rfind(':') + 1)));
    // Datagrams are counted on from where an earlier daemon of this boot can be: it sent fewer than
    // a hundred a second.
    auto centiseconds = boottime_now() / std::chrono::milliseconds(10);
    board_.begin(own_bulletin(), port, static_cast<uint32_t>(centiseconds), monotonic_now());
    for (PeerEntry const& peer : config_.peers())
        board_.add(peer.name, peer.address, monotonic_now());
    return {};
}

void Node::end() {
    ending_ = true;
    save();
    save_experience(true);
    if (drained_) gossip_->leave();
    spdlog::info("node {} ends; programs and guests stay as they are", name_);
    io_.stop();
}

// While the node rests, sense() looks at them when nothing else is to be done.
double Node::cores_now() const {
    Nanos age_max = rests() ? std::chrono::seconds(5) : std::chrono::milliseconds(900);
    return recent_cores_.value(monotonic_now(), age_max, [this] { return cores_.read(); });
}

// What is kept of guests that have left can be had at any time, and is given up before the rest
// becomes scarce.
MemoryState Node::memory_now() const {
    Nanos age_max = rests() ? std::chrono::seconds(5) : std::chrono::milliseconds(300);
    MemoryState memory =
        recent_memory_.value(monotonic_now(), age_max, [this] { return memory_.read(); });
    if (!guests_) return memory;
    uint64_t kept = guests_->kept_bytes(), scarce = memory.total / scarce_part;
    if (kept != 0 && memory.free < scarce)
        guests_->give_up_kept(kept - std::min(kept, scarce - memory.free));
    memory.free = std::min(memory.total, memory.free + kept);
    return memory;
}

Bulletin Node::own_bulletin() {
    MemoryState memory = memory_now();
    Bulletin bulletin;
    bulletin.name = name_;
    bulletin.incarnation = incarnation_;
    bulletin.addresses = addresses_;
    bulletin.blocked = blocked_;
    bulletin.balancing = balancing_;
    bulletin.cores = cores_now();
    bulletin.load = balance_.load() / bulletin.cores;
    bulletin.speed = speed_;
    bulletin.memory_total = memory.total;
    bulletin.memory_free = memory.free;
    bulletin.crowded = balance_.crowded(bulletin.cores, monotonic_now());
    bulletin.memory_movable = balance_.tenants().memory_movable();
    bulletin.guests = guests_ ? static_cast<uint32_t>(guests_->arrived().size()) : 0;
    bulletin.session_version = wire::session_version;
    bulletin.cpu_features = cpu_.features;
    bulletin.kernel = kernel_;
    bulletin.group = static_cast<uint8_t>(config_.number("gossip.group"));
    return bulletin;
}

void Node::refresh_own() {
    board_.set_own(own_bulletin());
}

void Node::announce_own() {
    refresh_own();
    announced_load_ = board_.own().load;
    board_.sudden(monotonic_now());
    gossip_->wake();
}

// By a process or more, and by half.
bool Node::load_has_jumped() const {
    double load = balance_.load() / std::max(board_.own().cores, 0.01);
    double change = std::abs(load - announced_load_);
    return change * board_.own().cores >= 1.5 && change >= std::max(load, announced_load_) / 2;
}

// Then less is looked at: nothing of ours changes.
bool Node::rests() const {
    return programs_.empty() && guests_->count() == 0;
}

Task<> Node::beat() {
    while (!ending_) {
        if (load_has_jumped())
            announce_own();
        else
            refresh_own();
        peers_->beat();
        co_await pause_to_beat(io_, rests() ? 2 * bulletin_period : bulletin_period);
    }
}

Task<PeerReply> Node::serve_peer(std::string from, PeerType type, std::string body) {
    if (type == PeerType::offer) {
        auto offer = wire::decode_open<wire::Offer>(body);
        if (!offer || offer->identity.home != from)
            co_return PeerReply::of(
                PeerType::refuse, wire::Refuse{"", "an offer that makes no sense"});
        co_return co_await serve_offer(from, std::move(*offer));
    }
    if (type == PeerType::withdraw) {
        if (auto withdraw = wire::decode<wire::Withdraw>(body)) {
            if (Guest* guest = guests_->find(withdraw->session)) balance_.settle(guest->identity);
            guests_->withdraw(withdraw->session);
        }
        co_return PeerReply{};
    }
    auto ask = wire::decode<wire::Ask>(body);
    if (ask && PostOffice::answers(ask->verb)) {
        wire::Answer about_mail = co_await post_->serve_ask(from, std::move(*ask));
        co_return PeerReply::of(PeerType::answer, about_mail);
    }
    // Not as one conditional expression: g++ 12 destroys the awaited value twice then.
    Outcome outcome = Outcome::failed(2, "a question that makes no sense");
    if (ask) outcome = co_await serve_ask(from, std::move(*ask));
    wire::Answer answer;
    answer.code = outcome.code;
    if (outcome.code == 0) {
        answer.body = json::serialize(outcome.body);
    } else {
        json::object object{{"error", outcome.error}};
        if (!outcome.reason.empty()) object["reason"] = outcome.reason;
        if (!outcome.members.is_null()) object["members"] = outcome.members;
        answer.body = json::serialize(object);
    }
    co_return PeerReply::of(PeerType::answer, answer);
}

// A promise counts as load at once, for others, too.
Task<PeerReply> Node::serve_offer(std::string from, wire::Offer offer) {
    if (offer.automatic != 0) look_now();
    auto refusal = balance_.answer(offer, here(), monotonic_now());
    if (refusal != policy::Refusal::none) {
        wire::Refuse refuse{
            "", fmt::format("{} has no room for it now ({})", name_, word(refusal))};
        refuse.refusal = static_cast<uint8_t>(refusal);
        refuse.load = static_cast<float>(balance_.load());
        refuse.memory_free = memory_now().free;
        spdlog::debug("an offer of {} is refused: {}", from, word(refusal));
        co_return PeerReply::of(PeerType::refuse, refuse);
    }
    announce_own();
    wire::Identity identity = offer.identity;
    auto landed = co_await guests_->offer(std::move(offer), blocked_, memory_now().free);
    if (auto* accept = std::get_if<wire::Accept>(&landed)) {
        accept->load = static_cast<float>(balance_.load());
        accept->memory_free = memory_now().free;
        co_return PeerReply::of(PeerType::accept, *accept);
    }
    balance_.settle(identity);
    announce_own();
    co_return PeerReply::of(PeerType::refuse, std::get<wire::Refuse>(landed));
}

void Node::guest_happened(std::string const& event, Guest const& guest) {
    // Where one goes that leaves is its home's business.
    bool comes = event == "arrived";
    happenings_.add("guest_" + event, guest.identity.pid, comes ? guest.identity.home : name_,
        comes ? name_ : "", {{"home", guest.identity.home}, {"user", guest.user}});
    balance_.settle(guest.identity);
    see_tenants();
    announce_own();
    if (event == "left") offer_core();
}

void Node::member_changed(Member const& member, bool new_incarnation) {
    if (new_incarnation) {
        spdlog::info("node {} was restarted", member.name);
        guests_->home_lost(member.name, member.bulletin->incarnation);
        peers_->drop(member.name, member.bulletin->incarnation);
        post_->node_lost(member.name);
    }
    if (member.state == MemberState::dead || member.state == MemberState::left)
        peers_->drop(member.name);
    if (member.state == MemberState::left) post_->node_lost(member.name);
    if (member.state == MemberState::dead) start(io_, post_->node_silent(member.name));
    spdlog::info("node {} is {}{}", member.name, word(member.state),
        member.trouble.empty() ? "" : ": " + member.trouble);
    happenings_.add(fmt::format("node_{}", word(member.state)), 0, "", "", {{"node", member.name}});
}

} // namespace rove::node
