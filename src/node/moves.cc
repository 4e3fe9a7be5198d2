// SPDX-License-Identifier: Apache-2.0
// Moves: whether and where a process goes. Stewards perform them (stewards.cc).
//
// One move of a process at a time; a later request waits for its turn. The transaction itself is
// the steward's.
#include <cmath>

#include <spdlog/spdlog.h>

#include "base/text.hh"
#include "node/balance/figures.hh"
#include "node/node.hh"
#include "node/post_office.hh"
#include "node/proc.hh"
#include "node/reasons.hh"
#include "node/running.hh"
#include "seal/aes_gcm.hh"
#include "wire/session.hh"

namespace rove::node {

using wire::KeeperType;
using wire::PeerType;
using wire::Place;
namespace json = boost::json;

namespace {
// Who decides by himself does not wait as long as somebody who has asked.
constexpr Nanos offer_patience = std::chrono::seconds(8), policy_patience = std::chrono::seconds(2);
constexpr size_t waiting_max = 16;
constexpr int attempts_max = 3;      // of a move that was refused for what passes at once
constexpr int ending_looks_max = 50; // 10 ms apart, at a process that may be just ending

} // namespace

void Node::say_cpu(wire::Offer& offer, CpuLevel promised) const {
    offer.cpu_features = cpu_.features;
    offer.state_offsets = cpu_.state_offsets;
    if (promised != CpuLevel::any) offer.needed_features = features_of(promised);
}

CpuLevel Node::promised_level(Process const& process) const {
    auto program = programs_.find(process.program);
    return program == programs_.end() ? CpuLevel::any : program->second->wish.cpu_level;
}

std::string Node::best_node(ProcessPtr const& process, CpuLevel promised) {
    wire::Offer offer;
    say_cpu(offer, promised);
    // What the load would be with it there, per speed of a core.
    auto with_it = [](double load, double cores, double speed, bool there) {
        cores = std::max(cores, 0.01);
        return (load * cores + (there ? 0 : 1)) / cores / std::max(speed, 0.01);
    };
    std::string best = name_;
    double cores = std::max(board_.own().cores, 0.01);
    double least =
        with_it(balance_.load() / cores, cores, speed_, process && process->host == name_);
    for (Member const& member : board_.members(monotonic_now())) {
        if (member.state != MemberState::up || !member.bulletin || member.name == name_) continue;
        if (!judge_cpu(offer, {member.bulletin->cpu_features, {}}, member.name).text.empty())
            continue;
        double load =
            with_it(member.bulletin->load, member.bulletin->cores, member.bulletin->speed, false);
        if (load >= least) continue;
        least = load;
        best = member.name;
    }
    return best;
}

Node::Destination Node::resolve(
    std::string const& to, ProcessPtr const& process, CpuLevel promised) {
    if (to == "home") return {name_, {}};
    if (to == "best") return {best_node(process, promised), {}};
    auto member = board_.find(to, monotonic_now());
    if (!member) {
        std::vector<std::string> known;
        for (Member const& each : board_.members(monotonic_now()))
            known.push_back(each.name);
        return {"", Outcome::failed(1, fmt::format("there is no node '{}'; known are {}",
                                           printable(to), join(known, ", ")))};
    }
    return {to, {}};
}

Task<Moved> Node::move(
    ProcessPtr process, std::string to, uid_t asker, bool wait_for_exec, Motive const* motive) {
    if (process->turn.waiting() >= waiting_max)
        co_return Moved::failed(1, fmt::format("{} moves of process {} wait for their turn already",
                                       process->turn.waiting(), process->pid()));
    auto turn = co_await process->turn.enter();
    if (process->ended)
        co_return Moved::failed(4, fmt::format("process {} has ended", process->pid()));
    Moved moved;
    if (!process->debuggers.empty() && to != name_)
        co_return Moved::failed(3,
            fmt::format("process {} is being debugged; it can leave when 'rove debug' has ended",
                process->pid()),
            "debugged");
    for (int attempt = 1;; ++attempt) {
        moved = co_await move_in_turn(process, to, asker, wait_for_exec, motive);
        Reason const* reason = find_reason(moved.reason);
        bool passes = !moved.ok && reason && reason->passes == Passes::at_once;
        if (!passes || attempt == attempts_max || ending_) break;
        if (moved.reason == "encrypted_differently") {
            Moved home = co_await move_in_turn(process, name_, asker, false, nullptr);
            if (!home.ok) break;
        }
        co_await pause(io_, std::chrono::milliseconds(10));
    }
    // One that waits for an exec is reported when it has happened.
    if (moved.ok && moved.mode == "exec") co_return moved;
    tell_move(process, moved, to, motive);
    save();
    co_return moved;
}

void Node::tell_move(
    ProcessPtr const& process, Moved const& moved, std::string const& to, Motive const* motive) {
    json::object figures = motive ? motive->figures : json::object();
    if (moved.ok) {
        figures["bytes"] = moved.bytes;
        figures["freeze_ms"] = static_cast<double>(moved.freeze_us) / 1000;
        figures["stopped_ms"] = static_cast<double>(moved.stopped_us) / 1000;
        figures["total_ms"] = static_cast<double>(moved.total_us) / 1000;
        if (moved.from != moved.to) figures["mode"] = moved.mode;
        if (!moved.mode_text.empty()) figures["because"] = moved.mode_text;
        if (moved.held) figures["held_at_exec"] = true;
    } else {
        figures[motive ? "trouble" : "why"] = moved.text;
        if (!moved.reason.empty()) figures["reason"] = moved.reason;
    }
    std::string from = moved.from.empty() ? process->host : moved.from;
    if (moved.refusal != policy::Refusal::none) {
        remember(process->decisions, {monotonic_now(), "refused", from, to, figures, true});
        return;
    }
    std::string verdict =
        moved.ok ? (moved.from == moved.to ? "already there" : "moved") : "not moved";
    process->decide({monotonic_now(), verdict, from, to, figures});
    if (moved.ok && moved.from != moved.to) {
        happenings_.add("move", process->pid(), moved.from, moved.to, figures);
        if (moved.to != name_) balance_.came(moved.to, monotonic_now());
        if (moved.from == name_) balance_.freed(moved.bytes, monotonic_now());
    }
    if (!moved.ok) {
        happenings_.add(moved.reason.empty() ? "move_failed" : "confined", process->pid(),
            process->host, to, figures);
        spdlog::info(
            "{} is not moved from {} to {}: {}", process->pid(), process->host, to, moved.text);
    }
}

// Asks `to` whether it takes the process: its promise is in `order`, and its name for it comes
// back.
Task<Moved> Node::ask_target(ProcessPtr process, std::string to, Motive const* motive,
    wire::Move& order, std::string& promise) {
    wire::Offer offer;
    offer.identity = process->identity;
    offer.user = process->user;
    offer.uid = process->uid;
    offer.command = process->command;
    auto stat = look_stat(process->pid());
    // A program that is yet to be executed has what its starter has said it will need.
    if (order.wait_for_exec != 0 && stat) stat->resident_pages = 0;
    if (stat) offer.memory_bytes = memory_of(*process, *stat);
    if (process->place != Place::home)
        offer.memory_bytes = std::max(offer.memory_bytes, process->tally.memory_bytes);
    if (motive) {
        offer.automatic = 1;
        offer.why = static_cast<uint8_t>(motive->why);
        offer.stretch_max = motive->stretch_max;
        offer.demand = motive->demand;
        offer.cpu_s = motive->cpu_s;
    }
    offer.encrypt = config_.flag("link.encrypt") ? 1 : 0;
    if (offer.encrypt != 0 && !seal::is_available())
        co_return Moved::failed(1, fmt::format("{} cannot encrypt (link.encrypt): its processor "
                                               "lacks the instructions for AES",
                                       name_));
    say_cpu(offer, promised_level(*process));
    offer.session_version = wire::session_version;
    offer.from = process->host;
    auto reply = co_await peers_->ask(
        to, PeerType::offer, wire::encode(offer), motive ? policy_patience : offer_patience);
    Nanos now = monotonic_now();
    if (!reply) {
        balance_.shun(to, now);
        Moved silent = Moved::failed(1, reply.error().what);
        silent.unreachable = true;
        co_return silent;
    }
    if (reply->type == PeerType::refuse) {
        auto refuse = wire::decode_open<wire::Refuse>(reply->body)
                          .value_or(wire::Refuse{"", to + " refused"});
        Moved refused = Moved::failed(refuse.reason.empty() ? 1 : 3, refuse.text, refuse.reason);
        refused.refusal = static_cast<policy::Refusal>(refuse.refusal);
        refused.load = std::isfinite(refuse.load) ? refuse.load : 0;
        refused.memory_free = refuse.memory_free;
        if (refuse.refusal != 0)
            balance_.refused(to, refused.load, refuse.memory_free, now);
        else
            balance_.shun(to, now);
        co_return refused;
    }
    auto accept = reply->type == PeerType::accept ? wire::decode_open<wire::Accept>(reply->body)
                                                  : std::nullopt;
    if (!accept)
        co_return Moved::failed(1, fmt::format("{} answered an offer with something else", to));
    bool sealed = !wire::secret_of(accept->landing.token).empty();
    if ((offer.encrypt != 0 && !sealed) || (sealed && !seal::is_available()))
        co_return Moved::failed(1, fmt::format("the connections with {} cannot be encrypted "
                                               "(link.encrypt): {} lacks what it takes",
                                       to, sealed ? name_ : to));
    if (std::isfinite(accept->load)) balance_.hear(to, accept->load, accept->memory_free, now);
    order.landing = accept->landing;
    promise = accept->session;
    Moved accepted;
    accepted.ok = true;
    co_return accepted;
}

// Has the steward do it, and waits: until it is done, or, for one that waits for an exec, until
// that can be caught.
Task<std::shared_ptr<Running>> Node::perform(
    ProcessPtr process, std::shared_ptr<Keeper> steward, wire::Move order, uid_t asker) {
    bool wait_for_exec = order.wait_for_exec != 0;
    auto running = std::make_shared<Running>(io_);
    running->request = order.request;
    process->running = running;
    process->moving = !wait_for_exec;
    wire::Asker who{asker, static_cast<uint8_t>(config_.flag("move.root") ? 1 : 0)};
    if (!steward->send(KeeperType::asker, who) || !steward->send(KeeperType::move, order))
        running->gone = true;
    while (!running->done && !running->gone && !(wait_for_exec && running->armed)) {
        (void)co_await running->change->wait(Nanos::max());
        if (!running->done && !running->gone) running->change = std::make_shared<Event>(io_);
    }
    // An armed one goes on: its end is reported by and by, see steward_packet.
    if (wait_for_exec && running->armed && !running->done) co_return running;
    process->moving = false;
    if (process->running == running) process->running = nullptr;
    co_return running;
}

// The first thread of a process that is just ending may do so before the others, and every process
// that is away has a second one, its deputy's: such a process is waited for. One that is a zombie
// still goes on without its first thread. ESRCH: it has ended.
Task<Result<ProcStat>> Node::look_if_ending(wire::Identity identity) {
    for (int looks = 1;; ++looks) {
        auto stat = look_stat(identity.pid);
        if (stat && stat->start_time != identity.start_time)
            co_return deny(ESRCH, "process {} has ended", identity.pid);
        if (!stat || stat->state != 'Z' || looks == ending_looks_max) co_return stat;
        co_await pause(io_, std::chrono::milliseconds(10));
    }
}

Task<Moved> Node::move_in_turn(
    ProcessPtr process, std::string to, uid_t asker, bool wait_for_exec, Motive const* motive) {
    Nanos begun = monotonic_now();
    auto has_ended = [&] {
        return Moved::failed(4, fmt::format("process {} has ended", process->pid()));
    };
    auto stat = co_await look_if_ending(process->identity);
    if (!stat) co_return has_ended();
    // What is left when only the first thread has ended cannot be looked into by this PID.
    if (stat->state == 'Z')
        co_return Moved::failed(3, "its first thread has ended while others go on", "leader_ended");
    Moved moved;
    moved.from = process->host;
    moved.to = to;
    moved.ok = true;
    if (to == process->host) co_return moved;
    wire::Move order;
    order.request = ++last_request_;
    order.wait_for_exec = wait_for_exec ? 1 : 0;
    order.freeze_us = process->freeze_us;
    order.hold = motive && order.freeze_us == 0 && is_young(*process) ? 1 : 0;
    std::string promise; // of the target, which keeps room until it is taken back
    if (to != name_) {
        if (auto objects = objection(*process, asker); !objects.word.empty())
            co_return Moved::failed(3, objects.text, objects.word);
        Moved accepted = co_await ask_target(process, to, motive, order, promise);
        if (!accepted.ok) co_return accepted;
    }
    auto give_up = [&](Moved instead) {
        if (!promise.empty())
            peers_->tell(to, PeerType::withdraw, wire::encode(wire::Withdraw{promise}));
        // Whatever was in the way, it was the end of the process in the first place.
        auto now = look_stat(process->pid());
        // A zombie here is a first thread that has ended before the others.
        bool gone = !now || now->start_time != process->identity.start_time ||
                    (now->virtual_bytes == 0 && now->state != 'Z');
        return !instead.ok && (gone || process->ended) ? has_ended() : instead;
    };
    if (process->ended) co_return give_up(has_ended());
    std::shared_ptr<Running> running;
    // A steward whose process is home may go at any time, and may have gone when it is asked.
    do {
        auto steward = co_await steward_for(process);
        if (!steward) co_return give_up(Moved::failed(1, steward.error().what));
        // It may have come home by itself meanwhile.
        moved.from = process->host;
        if (to == process->host) co_return give_up(moved);
        running = co_await perform(process, *steward, order, asker);
    } while (running->unheard && !process->ended);
    if (wait_for_exec && running->armed && !running->done) {
        moved.mode = "exec";
        if (motive) running->figures = motive->figures;
        co_return moved;
    }
    process->last_move_ended = monotonic_now();
    process->last_move_took = process->last_move_ended - begun;
    if (!running->done) {
        if (process->ended || !look_stat(process->pid())) co_return give_up(has_ended());
        // Another steward finds out how far it came. Before that the target's promise must not be
        // taken back: the process may live there already.
        auto next = co_await steward_for(process);
        if (!next) co_return Moved::failed(1, next.error().what);
        moved.to = process->host;
        if (process->host == to) co_return moved;
        co_return give_up(Moved::failed(1,
            fmt::format("the steward of {} ended before the move was done; the process runs on {}",
                process->pid(), process->host)));
    }
    wire::MoveDone const& done = *running->done;
    if (!done.ok) {
        if (!done.reason.empty())
            process->confine(done.reason, reason_sentence(done.reason, done.text), monotonic_now());
        if (done.reason == "leader_ended") (void)co_await look_if_ending(process->identity);
        std::string text =
            done.text.empty() ? reason_sentence(done.reason, "the move failed") : done.text;
        co_return give_up(Moved::failed(done.reason.empty() ? 1 : 3, text, done.reason));
    }
    if (!done.from.empty()) moved.from = done.from;
    if (!done.to.empty()) moved.to = done.to;
    moved.mode = done.mode;
    moved.mode_text = done.mode_text;
    moved.held = order.hold != 0;
    moved.bytes = done.bytes;
    moved.freeze_us = done.freeze_us;
    moved.stopped_us = done.stopped_us;
    moved.total_us = static_cast<uint64_t>((monotonic_now() - begun).count() / 1000);
    process->last_move_lost = std::chrono::microseconds(moved.lost_us());
    process->host = to;
    process->place = to == name_ ? Place::home : Place::away;
    post_->moved(process->pid());
    // Until the steward reports, these are the best figures.
    ++process->tally.moves;
    process->tally.bytes_moved += moved.bytes;
    if (process->tally.memory_bytes == 0) process->tally.memory_bytes = stat->resident_pages * 4096;
    process->confine("", "", monotonic_now());
    // It is the policy's again where it goes, not somebody's.
    if (motive) process->anchor.clear();
    co_return moved;
}

// Back to where its user wants it, as soon as what brought it home is over. At most half of the
// time goes into moving, however often it has to come home.
Task<> Node::go_back(ProcessPtr process) {
    Nanos wait = std::max<Nanos>(process->last_move_took, std::chrono::milliseconds(5));
    for (;;) {
        co_await pause(io_, wait);
        if (ending_ || process->ended || process->anchor.empty() || process->place != Place::home ||
            process->anchor == process->host || process->turn.busy())
            co_return;
        std::string to = process->anchor;
        Moved moved = co_await move(process, to, process->asker);
        if (moved.ok || moved.code == 4) co_return;
        Reason const* reason = find_reason(moved.reason);
        if (reason && reason->passes == Passes::never) co_return;
        wait = std::min<Nanos>(
            std::max<Nanos>(wait * 2, std::chrono::milliseconds(100)), std::chrono::seconds(2));
    }
}

} // namespace rove::node
