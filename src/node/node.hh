// SPDX-License-Identifier: Apache-2.0
// Node: everything that a daemon consists of, in one place; main.cc builds it.
//
// The parts are joined here by callbacks; none of them knows another by itself. The verbs of the
// control API are in api*.cc, what moves processes is in moves.cc and stewards.cc, what decides
// that they shall is in balancing.cc.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "base/fd.hh"
#include "image/credentials.hh"
#include "node/async.hh"
#include "node/balance/balance.hh"
#include "node/balance/decision_log.hh"
#include "node/balance/foreign.hh"
#include "node/caller.hh"
#include "node/config.hh"
#include "node/cpu_match.hh"
#include "node/gossip_socket.hh"
#include "node/guests.hh"
#include "node/happenings.hh"
#include "node/keepers.hh"
#include "node/peers.hh"
#include "node/proc.hh"
#include "node/process.hh"
#include "node/sensors/cores.hh"
#include "node/sensors/lately.hh"
#include "node/sensors/load.hh"
#include "node/sensors/memory.hh"
#include "node/sensors/processes.hh"
#include "node/sensors/run_queue.hh"
#include "node/sensors/strain.hh"
#include "policy/experience.hh"

namespace rove::node {

// An answer of the control API, or of another node's daemon: an exit code of interface.md (0:
// done).
struct Outcome {
    int code = 0;
    boost::json::value body; // when done
    std::string error;       // else one sentence
    std::string
        reason; // why it is confined: a word of docs/reasons.md; empty if it is not about that
    boost::json::value members; // move --all that failed in part: each member's row

    static Outcome done(boost::json::value value) {
        Outcome outcome;
        outcome.body = std::move(value);
        return outcome;
    }
    static Outcome failed(int code, std::string sentence) {
        Outcome outcome;
        outcome.code = code;
        outcome.error = std::move(sentence);
        return outcome;
    }
    // Whoever reads the sentence only sees the word, too.
    static Outcome failed(int code, std::string const& sentence, std::string const& reason) {
        Outcome outcome =
            failed(code, reason.empty() ? sentence : fmt::format("{} ({})", sentence, reason));
        outcome.reason = reason;
        return outcome;
    }
};

// What a move did; `reason` when it is confined.
struct Moved {
    bool ok = false;
    int code = 1; // exit code when not ok
    std::string reason, text;
    std::string from, to, mode = "stop-and-copy", mode_text;
    uint64_t bytes = 0, freeze_us = 0, stopped_us = 0, total_us = 0;
    bool held = false;        // it had just executed something, and stood while all was prepared
    bool unreachable = false; // the target has given no answer
    // What it cost the process: while its move is prepared it computes.
    uint64_t lost_us() const { return stopped_us > 0 ? stopped_us : total_us; }
    // Of a target that has no room for it at present, and what it says of itself.
    policy::Refusal refusal = policy::Refusal::none;
    double load = 0;
    uint64_t memory_free = 0;
    static Moved failed(int code, std::string text, std::string reason = {}) {
        Moved moved;
        moved.code = code;
        moved.text = std::move(text);
        moved.reason = std::move(reason);
        return moved;
    }
};

// Why the policy moves a process; what somebody asks for has none.
struct Motive {
    policy::Why why = policy::Why::balance;
    float stretch_max = 0, demand = 1, cpu_s = 0; // see wire::Offer
    boost::json::object figures;                  // for `explain`
};

class PostOffice;

class Node {
public:
    // The keys are derived from the cluster's, 32 bytes each.
    Node(asio::io_context& io, Config config, std::string peer_key, std::string gossip_key);
    ~Node();
    Status begin();
    // Ends cleanly: programs, guests and their keepers stay as they are.
    void end();

    // --- api.cc: one verb each; the caller's rights are checked inside
    Task<Outcome> serve(
        std::string method, std::string path, std::string query, std::string body, Caller caller);
    Happenings& happenings() { return happenings_; }
    std::string const& name() const { return name_; }

private:
    struct Destination {
        std::string node; // empty: not found, see trouble
        Outcome trouble;
    };
    // --- node.cc
    Status lock_run_dir();
    Status recall_incarnation();
    Bulletin own_bulletin();
    void refresh_own();
    // As above, and others hear of it at once.
    void announce_own();
    Status begin_gossip();
    bool load_has_jumped() const;
    Task<> beat();
    Task<PeerReply> serve_peer(std::string from, wire::PeerType type, std::string body);
    Task<PeerReply> serve_offer(std::string from, wire::Offer offer);
    void guest_happened(std::string const& event, Guest const& guest);
    void member_changed(Member const& member, bool new_incarnation);

    // --- enrol.cc: how a process becomes a program
    Task<Result<Program*>> make_program(Caller caller, pid_t root, ProgramWish wish);
    Result<std::shared_ptr<Program>> prepare_program(uid_t asker, pid_t root, ProgramWish wish);
    Result<Program*> begin_program(std::shared_ptr<Program> program);
    Program* program_around(pid_t pid);
    void enrol(ProcessPtr const& process, Program& program);

    // --- programs.cc
    ProcessPtr meet(pid_t pid, uint64_t program); // null if it is gone
    ProcessPtr find(pid_t pid);
    enum class Look : uint8_t { all, young };
    // `young`: only who is new, or may be about to execute something.
    void refresh_programs(Look which = Look::all);
    bool look_again(pid_t pid, Look which);
    Ended epitaph(Process const& process) const;
    void bury(ProcessPtr const& process, std::string const& why);
    Task<> watch_programs();
    // Sees what has begun since, unless it was looked for just now.
    void look_now();
    void look_at_programs(Look which);
    Task<> watch_end(ProcessPtr process);
    Task<> finish(std::shared_ptr<Program> program);
    Nanos watch_period() const;

    // --- executing.cc: what processes execute, and what became of it
    bool is_young(Process const& process) const;
    void notice_image(ProcessPtr const& process, ProcStat const& stat);
    void notice_end(Process& process);
    void learn_image(Process const& process);
    // What its like have used; none if it has been moved since it began to be like them.
    std::optional<policy::Expected> expected_of(Process const& process) const;
    bool executes_often() const;
    void save_experience(bool now);
    void recall_experience();

    // --- recall.cc
    void save() const;
    void recall();

    // --- looks.cc: what keeps processes at home, before anybody tries to move them
    Task<> look(std::vector<ProcessPtr> which, bool quick);
    void looked(wire::Looked const& looked);
    // On whose behalf it would be moved, against what the process may do by now.
    image::Objection objection(Process const& process, uid_t asker) const;
    struct Confined {
        std::string reason, text; // empty: nothing keeps it
    };
    Confined confined(Process const& process) const;

    // --- balancing.cc: what runs here, and what the policy does with it
    bool rests() const;
    Task<> balance();
    Task<> sense();
    void look_at_room(bool of_memory);
    void hasten();
    void offer_core();
    // Somebody has left that node: it has more to spare than it tells.
    void tell_departure(std::string const& host);
    Here here() const;
    // Whether the policy may move it.
    bool may_roam(Process const& process) const;
    uint64_t memory_of(Process const& process, ProcStat const& stat) const;
    std::optional<Tenant> own_tenant(Process const& process);
    // Of those of our processes that have any, the most talkative partners first.
    std::map<pid_t, std::vector<Talk>> talks();
    Tenant guest_tenant(Guest const& guest);
    void see_tenants();
    std::set<pid_t> own_pids() const;
    void measure();
    void look_at_confined();
    void decide();
    void tell_note(policy::Note const& note);
    void obey(policy::Order const& order);
    Task<> send_away(Tenant tenant, std::string to, Motive motive);

    // --- placing.cc
    enum class Children : uint8_t { roam, stay_there };
    Task<std::string> place(ProcessPtr process, uid_t asker, Children children);

    // --- relocating.cc: what homes and hosts say to each other about guests
    Task<boost::json::value> ask_node(
        std::string node, std::string verb, boost::json::object body, Nanos patience);
    void send_terms();
    Outcome take_terms(std::string const& from, boost::json::object const& body);
    Task<Moved> relocate(Tenant guest, std::string to, Motive motive);
    Task<Outcome> serve_relocate(std::string from, boost::json::object body);
    void ask_for_room(policy::RoomWish const& wish);
    Outcome make_room(boost::json::object const& body);
    Outcome guest_decisions(std::string const& from, boost::json::value const& pid);

    // --- moves.cc
    // `asker`: the user who wants it, now or by what he told `rove run`. The motive must live until
    // the move is done.
    Task<Moved> move(ProcessPtr process, std::string to, uid_t asker, bool wait_for_exec = false,
        Motive const* motive = nullptr);
    Task<Result<ProcStat>> look_if_ending(wire::Identity identity);
    Task<Moved> move_in_turn(
        ProcessPtr process, std::string to, uid_t asker, bool wait_for_exec, Motive const* motive);
    void tell_move(
        ProcessPtr const& process, Moved const& moved, std::string const& to, Motive const* motive);
    Task<Moved> ask_target(ProcessPtr process, std::string to, Motive const* motive,
        wire::Move& order, std::string& promise);
    Task<std::shared_ptr<Running>> perform(
        ProcessPtr process, std::shared_ptr<Keeper> steward, wire::Move order, uid_t asker);
    Task<> go_back(ProcessPtr process);
    // --- wished.cc: moves that somebody has asked for
    Task<Moved> move_as_wished(ProcessPtr process, std::string to, uid_t asker, uint64_t freeze_us);
    // The same for a program that asks by its mailbox: 0, or an errno value of rove.h.
    Task<int> move_for_program(pid_t pid, std::string to, uid_t asker);
    // --- pursue.cc: moves that nobody waits for
    void wish(ProcessPtr const& process, std::string to, uid_t asker);
    Task<> pursue(ProcessPtr process);
    // What is asked of a CPU by a process here.
    void say_cpu(wire::Offer& offer, CpuLevel promised) const;
    CpuLevel promised_level(Process const& process) const;
    // Of those whose CPU takes it.
    std::string best_node(ProcessPtr const& process, CpuLevel promised);
    Destination resolve(std::string const& to, ProcessPtr const& process, CpuLevel promised);

    // --- stewards.cc
    Task<Result<std::shared_ptr<Keeper>>> steward_for(ProcessPtr process);
    Task<> relearn(ProcessPtr process);
    // Most children end, or execute another program, before that.
    static constexpr Nanos born_patience = std::chrono::milliseconds(150);
    void meet_born(ProcessPtr const& parent, wire::Born const& born);
    Task<> attend_born(ProcessPtr child, Nanos patience);
    ProcessPtr process_of(Keeper const& keeper);
    void steward_hello(std::shared_ptr<Keeper> keeper, wire::StewardHello hello);
    bool steward_packet(std::shared_ptr<Keeper> const& keeper, wire::KeeperPacket const& packet);
    void steward_closed(std::shared_ptr<Keeper> const& keeper);
    void take_state(ProcessPtr const& process, wire::StewardState const& state);
    void exec_move_done(ProcessPtr const& process, wire::MoveDone const& done);
    void host_lost(ProcessPtr const& process, std::string const& reason, std::string const& text);
    void end_waiting(ProcessPtr const& process);

    // --- storm.cc
    Task<> storm(ProcessPtr process);

    // --- api.cc, api_move.cc, api_node.cc
    Task<Outcome> ps(Caller caller, bool all);
    Task<Outcome> check(Caller caller); // check.cc
    boost::json::object ps_row(Process const& process);
    Outcome nodes();
    Outcome config_rows();
    Task<Outcome> explain(Caller caller, boost::json::value pid);
    Task<boost::json::array> all_decisions(ProcessPtr process);
    Task<Outcome> trace(Caller caller, boost::json::value pid);
    Task<Outcome> run(Caller caller, boost::json::object body);
    Task<Outcome> adopt(Caller caller, boost::json::object body);
    void take_along(Caller const& caller, std::string const& group, std::string const& from);
    Task<Outcome> move_verb(Caller caller, boost::json::object body);
    Task<Outcome> lock_verb(Caller caller, boost::json::object body, bool lock);
    Task<Outcome> debug(Caller caller, boost::json::object body);
    Task<> end_debugging(ProcessPtr process, std::shared_ptr<Debugger> debugger);
    Task<Outcome> node_verb(Caller caller, boost::json::object body);
    Task<Outcome> local_node_verb(std::string verb, boost::json::value on);
    Task<Outcome> drain();
    Task<Outcome> leave_empty();
    Task<Outcome> expel();
    Task<Outcome> expel_one(Guest guest, std::string to);
    Task<Outcome> bring();
    Task<Outcome> forward(
        std::string node, std::string verb, Caller caller, boost::json::object body);
    Task<Outcome> serve_ask(std::string from, wire::Ask ask);
    // Checks that the caller may act on a process of this home.
    Outcome permit(Caller caller, pid_t pid);
    boost::json::object move_row(pid_t pid, Moved const& moved);
    Task<Outcome> move_all(
        Caller caller, ProcessPtr root, std::string to, bool wait, uint64_t freeze);

    asio::io_context& io_;
    Fd lock_;          // of the run directory, for as long as the daemon lives
    mutable Fd spare_; // a descriptor that save() finds free, however many are in use
    Config config_;
    std::string run_dir_, name_;
    uint64_t incarnation_ = 0;
    std::vector<std::string> addresses_;
    Cpu cpu_;
    double speed_ = 0;
    std::string const kernel_;
    Cores cores_;
    Memory memory_;
    // Limits change when an administrator changes them; memory is read in time for each beat.
    mutable Lately<double> recent_cores_;
    mutable Lately<MemoryState> recent_memory_;
    double cores_now() const;
    MemoryState memory_now() const;
    Strain strain_;
    Nanos strained_ = -std::chrono::hours(1); // when it was looked at
    std::unique_ptr<RunQueue> run_queue_ = RunQueue::create();
    double announced_load_ = 0;
    bool blocked_ = false, balancing_ = true, ending_ = false;
    bool draining_ = false,
         drained_ = false; // nothing of others is here, nothing of ours elsewhere
    Happenings happenings_;
    GossipBoard board_;
    std::string gossip_key_;
    std::unique_ptr<GossipSocket> gossip_;
    std::unique_ptr<Peers> peers_;
    Keepers keepers_;
    std::unique_ptr<Guests> guests_;
    std::unique_ptr<PostOffice> post_;

    Balance balance_;
    policy::Experience experience_;
    bool experience_changed_ = false, terms_due_ = false;
    Nanos experience_saved_{}, executed_at_{};
    Nanos next_look_{}; // at programs, at the earliest
    ProcessSensor sensor_;
    DecisionLog decision_log_;
    asio::steady_timer decision_due_;
    bool hastened_ = false;
    unsigned tried_again_ = 0; // since the last decision that nothing had hastened
    double runnable_ = 0;      // threads that want a core, on average since the last measurement
    unsigned runnable_samples_ = 0;
    Foreign foreign_;
    std::set<uint64_t> leaving_; // numbers of those that the policy has ordered away
    std::map<uint64_t, std::deque<Decision>> guest_decisions_;

    std::map<pid_t, ProcessPtr> processes_;
    std::map<uint64_t, std::shared_ptr<Program>> programs_;
    asio::steady_timer watch_due_;
    uint64_t last_program_ = 0, last_request_ = 0;
    EndedList ended_;
    struct Tracing {
        explicit Tracing(asio::io_context& io) : done(io) {}
        Event done;
        std::optional<wire::TraceReply> reply;
    };
    std::map<pid_t, std::shared_ptr<Tracing>> tracing_;
    struct Looking {
        explicit Looking(asio::io_context& io, bool a_quick) : done(io), quick(a_quick) {}
        Event done;
        bool quick;
    };
    std::map<uint64_t, std::shared_ptr<Looking>> looking_; // by question
    uint64_t last_question_ = 0;
    boost::json::array probed_;      // what the last check found
    Nanos probed_at_{};              // monotonic
    std::shared_ptr<Event> probing_; // under way
    std::mt19937_64 random_;
};

} // namespace rove::node
