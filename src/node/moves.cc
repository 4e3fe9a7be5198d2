// SPDX-License-Identifier: Apache-2.0
// Moves: where processes are: offers to targets, stewards, and what stewards report.
//
// One move of a process at a time; a later request waits for its turn. The transaction itself is
// the steward's; here it is found whether, where and by whom.
#include <poll.h>
#include <unistd.h>

#include <spdlog/spdlog.h>

#include "base/text.hh"
#include "node/node.hh"
#include "node/proc.hh"
#include "node/reasons.hh"
#include "sys/process.hh"
#include "wire/session.hh"

namespace rove::node {

using wire::KeeperType;
using wire::PeerType;
using wire::Place;
namespace json = boost::json;

// A move that a steward performs: what is waited for.
struct Running {
    explicit Running(asio::io_context& io) : change(std::make_shared<Event>(io)) {}
    uint64_t request = 0;
    std::shared_ptr<Event> change; // armed, done, or the steward is gone
    bool armed = false, gone = false;
    std::optional<wire::MoveDone> done;
};

namespace {
constexpr Nanos steward_start_limit = std::chrono::seconds(5);

std::string reason_sentence(std::string const& word, std::string const& text) {
    Reason const* reason = find_reason(word);
    if (!text.empty()) return text;
    return reason ? reason->sentence : word;
}

// One line, if it can be written at once: whoever reads it may have stopped reading.
void tell(Fd const& to, std::string const& line) {
    pollfd writable{to.number(), POLLOUT, 0};
    if (to && ::poll(&writable, 1, 0) == 1 && (writable.revents & POLLOUT) != 0)
        (void)!::write(to.number(), line.data(), line.size());
}
} // namespace

std::string Node::best_node(ProcessPtr const& process) {
    std::string best = name_;
    double least = load_.value();
    for (Member const& member : board_.members(monotonic_now())) {
        if (member.state != MemberState::up || !member.bulletin || member.name == name_) continue;
        double cores = std::max(member.bulletin->cores, 0.01);
        // What the load would be with it there, per speed of a core.
        double load = (member.bulletin->load * cores + 1) / cores / std::max(member.bulletin->speed, 0.01);
        double here = (load_.value() * board_.own().cores + (process && process->host == name_ ? 0 : 1))
            / std::max(board_.own().cores, 0.01) / std::max(speed_, 0.01);
        if (best == name_) least = here;
        if (load < least) {
            least = load;
            best = member.name;
        }
    }
    return best;
}

Node::Destination Node::resolve(std::string const& to, ProcessPtr const& process) {
    if (to == "home") return {name_, {}};
    if (to == "best") return {best_node(process), {}};
    auto member = board_.find(to, monotonic_now());
    if (!member) {
        std::vector<std::string> known;
        for (Member const& each : board_.members(monotonic_now())) known.push_back(each.name);
        return {"", Outcome::failed(1, fmt::format("there is no node '{}'; known are {}", printable(to), join(known, ", ")))};
    }
    return {to, {}};
}

Task<Moved> Node::move(ProcessPtr process, std::string to, uid_t asker, bool wait_for_exec) {
    auto turn = co_await process->turn.enter();
    if (process->ended) co_return Moved::failed(4, fmt::format("process {} has ended", process->pid()));
    Moved moved = co_await move_in_turn(process, to, asker, wait_for_exec);
    // One that waits for an exec is reported when it has happened.
    if (moved.ok && moved.mode == "exec") co_return moved;
    json::object figures;
    if (moved.ok) {
        figures["bytes"] = moved.bytes;
        figures["freeze_ms"] = static_cast<double>(moved.freeze_us) / 1000;
        figures["total_ms"] = static_cast<double>(moved.total_us) / 1000;
    } else {
        figures["why"] = moved.text;
        if (!moved.reason.empty()) figures["reason"] = moved.reason;
    }
    std::string verdict = moved.ok ? (moved.from == moved.to ? "already there" : "moved") : "not moved";
    process->decide({monotonic_now(), verdict, moved.from.empty() ? process->host : moved.from, to, figures});
    if (moved.ok && moved.from != moved.to) happenings_.add("move", process->pid(), moved.from, moved.to, figures);
    if (!moved.ok) {
        happenings_.add(moved.reason.empty() ? "move_failed" : "confined", process->pid(), process->host, to, figures);
        spdlog::info("{} is not moved from {} to {}: {}", process->pid(), process->host, to, moved.text);
    }
    save();
    co_return moved;
}

Task<Moved> Node::move_in_turn(ProcessPtr process, std::string to, uid_t asker, bool wait_for_exec) {
    Nanos begun = monotonic_now();
    auto stat = look_stat(process->pid());
    if (!stat || stat->start_time != process->identity.start_time)
        co_return Moved::failed(4, fmt::format("process {} has ended", process->pid()));
    // Only a first thread that has ended before the others: what is left cannot be looked into by this PID.
    if (stat->state == 'Z')
        co_return Moved::failed(3, "its first thread has ended while others go on", "leader_ended");
    Moved moved;
    moved.from = process->host;
    moved.to = to;
    if (to == process->host) {
        moved.ok = true;
        co_return moved;
    }
    if (to != name_)
        if (auto objects = objection(*process, asker); !objects.word.empty()) co_return Moved::failed(3, objects.text, objects.word);
    wire::Move order;
    order.request = ++last_request_;
    order.wait_for_exec = wait_for_exec ? 1 : 0;
    std::string session;
    if (to != name_) {
        wire::Offer offer;
        offer.identity = process->identity;
        offer.user = process->user;
        offer.uid = process->uid;
        offer.command = process->command;
        offer.memory_bytes = wait_for_exec ? 0
            : process->place == Place::home ? stat->resident_pages * 4096 : process->tally.memory_bytes;
        // What its starter has said it will need is wanted from the start.
        auto program = programs_.find(process->program);
        if (program != programs_.end() && program->second->root == process->identity)
            offer.memory_bytes = std::max(offer.memory_bytes, program->second->wish.memory);
        offer.cpu_features = features_;
        offer.session_version = wire::session_version;
        offer.from = process->host;
        auto reply = co_await peers_->ask(to, PeerType::offer, wire::encode(offer), std::chrono::seconds(8));
        if (!reply) co_return Moved::failed(1, reply.error().what);
        if (reply->type == PeerType::refuse) {
            auto refuse = wire::decode<wire::Refuse>(reply->body);
            std::string text = refuse ? refuse->text : to + " refused";
            std::string reason = refuse ? refuse->reason : "";
            co_return Moved::failed(reason.empty() ? 1 : 3, text, reason);
        }
        auto accept = reply->type == PeerType::accept ? wire::decode<wire::Accept>(reply->body) : std::nullopt;
        if (!accept) co_return Moved::failed(1, fmt::format("{} answered an offer with something else", to));
        order.landing = accept->landing;
        session = accept->session;
    }
    auto give_up = [&](Moved failed) {
        if (!session.empty()) peers_->tell(to, PeerType::withdraw, wire::encode(wire::Withdraw{session}));
        // Whatever was in the way, it was the end of the process in the first place.
        auto now = look_stat(process->pid());
        bool gone = !now || now->start_time != process->identity.start_time || (now->virtual_bytes == 0 && now->state != 'Z');
        if (!failed.ok && failed.code == 1 && gone) return Moved::failed(4, fmt::format("process {} has ended", process->pid()));
        return failed;
    };
    if (process->ended) co_return give_up(Moved::failed(4, fmt::format("process {} has ended", process->pid())));
    auto steward = co_await steward_for(process);
    if (!steward) co_return give_up(Moved::failed(1, steward.error().what));
    // It may have come home by itself meanwhile.
    moved.from = process->host;
    if (to == process->host) {
        moved.ok = true;
        co_return give_up(moved);
    }
    auto running = std::make_shared<Running>(io_);
    running->request = order.request;
    process->running = running;
    process->moving = !wait_for_exec;
    wire::Asker who{asker, static_cast<uint8_t>(config_.flag("move.root") ? 1 : 0)};
    if (!(*steward)->send(KeeperType::asker, who) || !(*steward)->send(KeeperType::move, order)) running->gone = true;
    while (!running->done && !running->gone && !(wait_for_exec && running->armed)) {
        (void)co_await running->change->wait(Nanos::max());
        if (!running->done && !running->gone) running->change = std::make_shared<Event>(io_);
    }
    if (wait_for_exec && running->armed && !running->done) {
        // The rest of the move is reported by and by: see steward_packet.
        moved.ok = true;
        moved.mode = "exec";
        co_return moved;
    }
    process->moving = false;
    if (process->running == running) process->running = nullptr;
    process->last_move_ended = monotonic_now();
    process->last_move_took = process->last_move_ended - begun;
    if (!running->done) {
        if (process->ended || !look_stat(process->pid()))
            co_return give_up(Moved::failed(4, fmt::format("process {} has ended", process->pid())));
        // Another one finds out how far it came. Before that the target's promise must not be taken
        // back: the process may live there already.
        auto next = co_await steward_for(process);
        if (!next) co_return Moved::failed(1, next.error().what);
        moved.to = process->host;
        moved.ok = process->host == to;
        if (moved.ok) co_return moved;
        co_return give_up(Moved::failed(1,
            fmt::format("the steward of {} ended before the move was done; the process runs on {}", process->pid(), process->host)));
    }
    wire::MoveDone const& done = *running->done;
    if (!done.ok) {
        if (!done.reason.empty()) process->confine(done.reason, reason_sentence(done.reason, done.text), monotonic_now());
        std::string text = done.text.empty() ? reason_sentence(done.reason, "the move failed") : done.text;
        co_return give_up(Moved::failed(done.reason.empty() ? 1 : 3, text, done.reason));
    }
    moved.ok = true;
    if (!done.from.empty()) moved.from = done.from;
    moved.to = done.to.empty() ? to : done.to;
    moved.mode = done.mode;
    moved.bytes = done.bytes;
    moved.freeze_us = done.freeze_us;
    moved.stopped_us = done.stopped_us;
    moved.total_us = static_cast<uint64_t>((monotonic_now() - begun).count() / 1000);
    process->host = to;
    process->place = to == name_ ? Place::home : Place::away;
    // Until the steward reports, these are the best figures.
    ++process->tally.moves;
    process->tally.bytes_moved += moved.bytes;
    if (process->tally.memory_bytes == 0) process->tally.memory_bytes = stat->resident_pages * 4096;
    process->confine("", "", monotonic_now());
    co_return moved;
}

Task<Result<std::shared_ptr<Keeper>>> Node::steward_for(ProcessPtr process) {
    Deadline limit = Deadline::after(steward_start_limit);
    int attempts = 0;
    while (!process->ended) {
        if (process->steward && !process->steward_leaving) co_return process->steward;
        // One that outlived a daemon needs a moment to find the new one.
        auto present_stat = look_stat(process->steward_pid);
        bool present = present_stat && present_stat->start_time == process->steward_start;
        if (!process->steward && !present) {
            // Once more, since the first may have been the end of the one before.
            if (++attempts > 2) co_return deny(ECHILD, "the steward of {} ended at its start; the log says why", process->pid());
            wire::StewardOrder order;
            order.identity = process->identity;
            order.node = name_;
            order.run_dir = run_dir_;
            order.user = process->user;
            order.command = process->command;
            order.relearn = process->place != Place::home || process->unsettled;
            order.move_root = config_.flag("move.root");
            order.tally = process->tally;
            order.calls = process->calls;
            auto program = programs_.find(process->program);
            order.no_patch = program != programs_.end() && program->second->wish.no_patch ? 1 : 0;
            order.freeze_limit_us = static_cast<uint64_t>(config_.number("move.freeze")) / 1000;
            std::vector<std::string> arguments = {"--pid", std::to_string(process->pid())};
            auto spawned = keepers_.spawn("steward", arguments, wire::encode(order));
            if (!spawned) co_return fail(spawned.error(), "cannot start a steward");
            process->steward_pid = *spawned;
            process->steward_start = sys::process_start_time(*spawned).value_or(0);
            save();
        }
        if (limit.passed()) co_return deny(ETIMEDOUT, "the steward of {} did not start; the log says why", process->pid());
        // Its hello comes, or it ends, or the former one ends.
        process->steward_change = std::make_shared<Event>(io_);
        auto change = process->steward_change;
        (void)co_await change->wait(std::chrono::milliseconds(20));
    }
    co_return deny(ESRCH, "process {} has ended", process->pid());
}

ProcessPtr Node::process_of(Keeper const& keeper) {
    for (auto& [pid, process] : processes_)
        if (process->steward.get() == &keeper) return process;
    return nullptr;
}

void Node::steward_hello(std::shared_ptr<Keeper> keeper, wire::StewardHello hello) {
    auto process = find(hello.identity.pid);
    // A steward that outlived the daemon's memory still brings everything that must be known.
    if (!process) process = meet(hello.identity.pid, 0);
    if (!process || process->identity.start_time != hello.identity.start_time) {
        spdlog::warn("a steward for process {}, which there is not", hello.identity.pid);
        return;
    }
    process->steward = keeper;
    process->steward_pid = keeper->pid();
    process->steward_start = sys::process_start_time(keeper->pid()).value_or(0);
    process->steward_leaving = false;
    process->unsettled = false;
    if (hello.place != Place::home || process->place != Place::home) {
        process->place = hello.place;
        process->host = hello.place == Place::home ? name_ : hello.host;
    }
    if (hello.tally.moves >= process->tally.moves) {
        process->tally = hello.tally;
        process->calls = std::move(hello.calls);
    }
    if (process->steward_change) process->steward_change->set();
}

void Node::take_state(ProcessPtr const& process, wire::StewardState const& state) {
    bool was_home = process->place == Place::home;
    std::string from = process->host;
    process->place = state.place;
    process->host = state.place == Place::home || state.host.empty() ? name_ : state.host;
    uint64_t memory = state.tally.memory_bytes != 0 ? state.tally.memory_bytes : process->tally.memory_bytes;
    process->tally = state.tally;
    process->tally.memory_bytes = memory;
    if (state.event.empty()) return;
    if (state.event == "armed") {
        if (process->running) {
            process->running->armed = true;
            process->running->change->set();
        }
    } else if (state.event == "moved") {
        process->last_move_ended = monotonic_now();
    } else if (state.event == "came_home") {
        std::string reason = state.reason.empty() ? "brought_home" : state.reason;
        // One that was sent for has its own report: move_done.
        if (was_home || reason == "brought_home") return;
        ++process->came_home[reason];
        process->last_move_ended = monotonic_now();
        Reason const* known = find_reason(reason);
        if (!known || known->passes != Passes::at_once)
            process->confine(reason, reason_sentence(reason, ""), monotonic_now());
        json::object figures{{"reason", reason}};
        process->decide({monotonic_now(), "came home", from, name_, figures});
        happenings_.add("came_home", process->pid(), from, name_, figures);
        if (!process->anchor.empty() && process->anchor != name_) start(io_, go_back(process));
    } else if (state.event == "host_lost") {
        host_lost(process, state.reason.empty() ? "host_lost" : state.reason, state.text);
    } else if (state.event == "ended") {
        bury(process, state.reason);
    }
}

void Node::host_lost(ProcessPtr const& process, std::string const& reason, std::string const& text) {
    std::string host = process->host == name_ ? "its host" : process->host;
    if (reason == "host_lost")
        spdlog::error("host {} was lost; process {} ({}) ended with it", host, process->pid(), process->command);
    else
        spdlog::error("process {} ({}) ended on {}: {}", process->pid(), process->command, host, text);
    process->decide({monotonic_now(), "lost", host, "", {}});
    process->lost = {reason, reason_sentence(reason, text)};
    happenings_.add(reason, process->pid(), host, "", {});
}

// Back to where its user wants it, as soon as what brought it home is over. At most half of the
// time goes into moving, however often it has to come home.
Task<> Node::go_back(ProcessPtr process) {
    Nanos wait = std::max<Nanos>(process->last_move_took, std::chrono::milliseconds(5));
    for (;;) {
        co_await pause(io_, wait);
        if (ending_ || process->ended || process->anchor.empty() || process->place != Place::home
            || process->anchor == process->host || process->turn.busy())
            co_return;
        std::string to = process->anchor;
        Moved moved = co_await move(process, to, process->asker);
        if (moved.ok || moved.code == 4) co_return;
        Reason const* reason = find_reason(moved.reason);
        if (reason && reason->passes == Passes::never) co_return;
        wait = std::min<Nanos>(std::max<Nanos>(wait * 2, std::chrono::milliseconds(100)), std::chrono::seconds(2));
    }
}

bool Node::steward_packet(std::shared_ptr<Keeper> const& keeper, wire::KeeperPacket const& packet) {
    auto process = process_of(*keeper);
    if (!process) return true; // of a process that has ended: its last words
    if (packet.type == KeeperType::steward_state) {
        auto state = wire::decode<wire::StewardState>(packet.body);
        if (!state) return false;
        take_state(process, *state);
        return true;
    }
    if (packet.type == KeeperType::came_home) {
        // The last words of a steward whose process has been home for a while.
        auto hello = wire::decode<wire::StewardHello>(packet.body);
        if (!hello) return false;
        process->steward_leaving = true;
        process->place = Place::home;
        process->host = name_;
        process->tally = hello->tally;
        process->calls = std::move(hello->calls);
        save();
        return true;
    }
    if (packet.type == KeeperType::move_done) {
        auto done = wire::decode<wire::MoveDone>(packet.body);
        if (!done) return false;
        auto running = process->running;
        if (!running || running->request != done->request) return true;
        if (running->armed) exec_move_done(process, *done);
        running->done = std::move(*done);
        running->change->set();
        return true;
    }
    if (packet.type == KeeperType::trace_reply) {
        auto reply = wire::decode<wire::TraceReply>(packet.body);
        if (!reply) return false;
        auto waiting = std::exchange(tracing_[process->pid()], nullptr);
        if (waiting) {
            waiting->reply = std::move(*reply);
            waiting->done.set();
        }
        return true;
    }
    return false;
}

// The exec has been caught and the process moved, or not, after its starter was answered.
void Node::exec_move_done(ProcessPtr const& process, wire::MoveDone const& done) {
    process->running = nullptr;
    process->last_move_ended = monotonic_now();
    Fd complaints = std::move(process->complaints);
    json::object figures{{"bytes", done.bytes}, {"freeze_ms", static_cast<double>(done.freeze_us) / 1000}};
    std::string to = done.to.empty() ? process->anchor : done.to;
    if (done.ok) {
        process->place = Place::away;
        process->host = done.to;
        process->command = command_line(process->pid());
        happenings_.add("move", process->pid(), name_, to, figures);
    } else {
        figures = {{"why", done.text}};
        if (!done.reason.empty()) {
            figures["reason"] = done.reason;
            process->confine(done.reason, reason_sentence(done.reason, done.text), monotonic_now());
        }
        happenings_.add(done.reason.empty() ? "move_failed" : "confined", process->pid(), name_, to, figures);
        std::string line = fmt::format("process {} runs at home, not on {}: {}", process->pid(), to,
            done.reason.empty() ? done.text : fmt::format("{} ({})", done.text, done.reason));
        spdlog::info("{}", line);
        // What was asked for did not happen, and nobody but its own standard error is there to be told.
        tell(complaints, "rove run: " + line + "\n");
        if (!done.reason.empty()) start(io_, go_back(process));
        else process->anchor.clear();
    }
    process->decide({monotonic_now(), done.ok ? "moved" : "not moved", name_, to, figures});
    save();
}

// Whoever waits for a move learns that its steward is no more, or the process.
void Node::end_waiting(ProcessPtr const& process) {
    if (!process->running) return;
    if (process->running->armed && !process->running->done && !process->ended && !ending_) {
        wire::MoveDone lost;
        lost.text = "its steward ended before the move was done";
        auto running = process->running;
        exec_move_done(process, lost);
        process->running = running;
    }
    process->running->gone = true;
    process->running->change->set();
    process->running = nullptr;
    process->moving = false;
}

void Node::steward_closed(std::shared_ptr<Keeper> const& keeper) {
    auto process = process_of(*keeper);
    if (!process) return;
    process->steward = nullptr;
    process->steward_pid = 0;
    bool leaving = std::exchange(process->steward_leaving, false);
    bool was_moving = process->running != nullptr;
    if (process->steward_change) process->steward_change->set();
    end_waiting(process);
    if (ending_) return;
    if (!leaving && (process->place != Place::home || was_moving)) {
        process->unsettled = true;
        start(io_, relearn(process));
    }
    save();
}

// A steward was killed while its process is away: another one takes over. It finds everything in
// the process itself.
Task<> Node::relearn(ProcessPtr process) {
    co_await pause(io_, std::chrono::milliseconds(10));
    if (process->ended || process->steward || !look_stat(process->pid())) co_return;
    auto former = look_stat(process->steward_pid);
    if (!former || former->start_time != process->steward_start)
        spdlog::warn("the steward of {} ended; another one takes over", process->pid());
    auto steward = co_await steward_for(process);
    if (!steward && !process->ended) spdlog::error("{}: {}", process->pid(), steward.error().sentence());
}

} // namespace rove::node
