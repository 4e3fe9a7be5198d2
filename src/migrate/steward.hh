// SPDX-License-Identifier: Apache-2.0
// Steward: the keeper at home of one process that is away, or on its way.
//
// It runs each move as a transaction: everything before the commit is undone if it fails, the
// commit is one write of the epoch in P's control page, and what comes after is only tidying. While
// the process is away it watches both halves. What it knows stands in P's region as well, so
// another steward can take its place at any time.
//
// A move out is in out.cc, home in home.cc, from host to host in onward.cc.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <set>

#include "migrate/body.hh"
#include "migrate/copy.hh"
#include "migrate/daemon_line.hh"
#include "migrate/late.hh"
#include "migrate/leases.hh"
#include "migrate/own_files.hh"
#include "migrate/refusal.hh"
#include "migrate/rounds.hh"
#include "migrate/segments.hh"
#include "migrate/session.hh"
#include "migrate/standstill.hh"
#include "warden/write_watch.hh"
#include "wire/home_reason.hh"
#include "wire/keeper.hh"

namespace rove::migrate {

constexpr Nanos report_period = std::chrono::seconds(1); // to the daemon
constexpr Nanos wait_for_order =
    std::chrono::seconds(30); // of a steward that has nothing to do yet

inline uint64_t microseconds(Nanos time) {
    return time.count() > 0 ? static_cast<uint64_t>(time.count()) / 1000 : 0;
}

class Steward {
public:
    static Result<std::unique_ptr<Steward>> create(
        wire::StewardOrder order, std::string const& socket);
    // Until the process is home for good or has ended. Exit status.
    int run();

private:
    explicit Steward(wire::StewardOrder order, std::string const& socket, Body body);

    // Times and amounts of one move, for its report.
    struct Progress {
        Nanos began{0}, frozen{0}, thawed{0}, phase_began{0};
        Nanos freeze = freeze_usual; // wanted
        Nanos stopped{0};            // before the freeze, in shorter stops
        Nanos held{0};               // since when it stands ahead of the freeze; 0: it runs
        bool cut = false;            // in a transfer, for which it is entered as it is
        uint64_t bytes = 0;
        uint64_t ahead = 0; // of them, while the program ran
        uint64_t late = 0;  // of them, when it runs at its host already
        std::string why;    // the move is made in that way
        std::string phases; // "survey 812 prepare 2210 …", µs
        void phase(char const* name);
    };

    // steward.cc
    // `readable`: the host has said something.
    void serve_session(bool readable);
    void tick();
    // Fails while its cgroup is frozen: then nothing can be done with it.
    Status check_thawed();
    // It stands still at home, by a signal or by its cgroup: its deputies and the porter do
    // nothing.
    bool stands();
    // What the process has used in all its stays away, by now.
    wire::GuestTally const& account();
    void report_state(std::string event = "", std::string reason = "", std::string text = "");
    void host_lost(std::string const& why);
    wire::StewardHello hello() const;
    wire::Place place() const { return session_ ? wire::Place::away : wire::Place::home; }
    void keep_daemon();
    Status keep_sessions();

    // priorities.cc
    void tell_priorities(Session& session);

    // orders.cc
    void serve_daemon();
    void move(wire::Move const& request);
    void wait_for_exec(wire::Move const& request);
    std::optional<tracee::Tracee> hold(wire::Move const& request, Progress& progress);
    void count_move(Progress const& progress, bool came_home);

    // alarms.cc
    void serve_without_moving(); // the alarms that want no move; the others stay
    void serve_alarms();
    void serve_alarm(wire::Alarm const& alarm);
    void postpone(wire::Alarm const& alarm, std::string const& word, Error const& error);
    void want_home(wire::HomeReason reason);
    // While the process is being parked only what its threads need for that is done; the rest
    // waits.
    void give_link(uint32_t slot);
    void give_missing_links();

    // children.cc
    void make_spares();
    Status make_spare(uint32_t index, wire::Control const& control);
    void tell_born(pid_t inner, bool steward_wanted);
    bool executed();
    void leave_old_image();
    void follow_exec();
    Status renew_session();

    // files.cc
    Status place_file(wire::FileWanted const& wanted, wire::FileFound& found);
    void find_file(wire::FileWanted const& wanted);
    void send_bytes(wire::BytesWanted const& wanted);

    // relearn.cc
    Status relearn(bool& away);
    Status relearn_layout();

    // out.cc
    Result<std::vector<wire::ThreadImage>> enter(
        Survey const& found, Progress& progress, std::optional<tracee::Tracee> held);
    Status move_out(
        wire::Landing const& landing, Progress& progress, std::optional<tracee::Tracee> held);
    Status split(
        wire::Landing const& landing, Progress& progress, std::optional<tracee::Tracee> held);
    // Layout of P's mappings, with the pages that are to travel.
    Result<wire::Layout> layout_of(std::vector<image::Mapping> const& mappings);
    Status name_vdso(wire::Layout& layout);
    Status send_segments(Session& session, std::vector<uint32_t> const& indexes);
    // Under the number that the host has for it.
    Status send_segment(Session& session, uint32_t index, uint32_t their_index);
    // `before_files`: is called before the host is sent files that it lacks.
    Result<wire::Prepared> prepare_host(Session& session, uint32_t epoch, wire::Layout layout,
        std::function<void()> const& before_files = {});
    Result<wire::Prepared> await_prepared(
        Session& session, std::function<void()> const& before_files = {});
    Status bring_new_files(Session& session, Survey& found, std::vector<wire::Vma>& told);
    std::vector<image::Mapping> steady_mappings(std::vector<image::Mapping> mappings);
    Status settle_layout(Session& session, wire::Layout const& layout);
    Status send_memory(Session& session, Fd const& pages, wire::Layout const& layout,
        Ranges const& ranges, Progress& progress);
    Status check_freeze(Nanos so_far, uint64_t to_send) const;
    void begin_there(Session& session);
    void drop_pages(std::vector<image::Mapping> const& mappings, tracee::Stat const& stat,
        std::vector<wire::Range> const& kept);
    void tidy_after_move();

    // rounds_out.cc: while the program runs at home
    struct Outward {
        warden::WriteWatch watch; // of the program's memory, as long as this lives
        Copy copy;
        bool looked = false; // a moment ago at what is mapped: the first round need not
    };
    Result<std::unique_ptr<Outward>> begin_outward(std::vector<wire::Vma> told, uint64_t bytes,
        Rounds const& rounds, Progress& progress, std::optional<tracee::Tracee>& cut);
    Status send_ahead(Session& session, Fd const& pages, Survey& found, Outward& outward,
        Rounds& rounds, Progress& progress);
    Status lay_out_ahead(Session& session, Survey& found, Outward& outward);
    Result<Ranges> take_written(std::vector<wire::Vma> const& vmas);
    // `meanwhile`: is done while the host takes them.
    Status send_round(Session& session, Fd const& pages, Ranges const& ranges, Outward& outward,
        std::function<Status()> const& meanwhile);
    Result<Ranges> missing_there(Session& session, wire::Layout const& layout, Outward& outward);

    // postpone.cc: pages that stay at home until they are asked for
    Ranges postponed(wire::Layout const& layout, std::vector<wire::ThreadImage> const& threads,
        Ranges const& missing, Rounds const& rounds, Progress& progress) const;
    Status give_up_ahead(
        Session& session, Survey const& found, Outward& outward, Ranges const& written);
    Status await_ready(Session& session, uint64_t sent); // bytes of memory
    Status send_late(Session& session, std::string const& question);
    bool serve_late(Session& session, Session::Frame const& frame);
    void serve_late_for_a_while();
    Status finish_late(bool homeward);
    void late_over();

    // keep.cc: after it has come home
    struct Kept {
        Session session; // with whoever has that memory
        std::string host, name;
        uint64_t arg_start, env_end; // of the program that it is of
        Outward outward;
        std::vector<image::Mapping> mappings; // as it came home
        bool known = false;                   // the host has said what it has
    };
    Result<Survey> survey_again();
    Status watch_return(std::vector<image::Mapping> const& mappings);
    bool keep_there(wire::Layout left, bool shares, std::vector<image::Mapping> const& mappings);
    void serve_kept();
    void forget_kept();
    void check_kept(wire::Landing const& landing);
    std::unique_ptr<Outward> take_kept(
        wire::Prepared const& prepared, std::vector<wire::Vma> const& told);

    // ahead.cc
    struct PageLine {
        Fd ours;
        int there = -1; // the porter's number
    };
    Result<PageLine> open_page_line();
    Status fetch(
        PageLine& pages, std::vector<wire::Range> const& ranges, bool more, Progress& progress);
    Status fetch_ahead(
        PageLine& pages, std::vector<image::Mapping> const& mappings, Progress& progress);
    void make_pages();
    Status secure_held(std::vector<image::Mapping> const& mappings);
    Result<std::vector<image::Mapping>> look_at_held();

    // home.cc
    Status move_home(Progress& progress);
    Result<wire::Parked> park();
    Status await_ended(std::vector<wire::ThreadImage> const& living);
    void unpark();
    Status await_resumed();
    uint32_t find_segment(wire::Layout const& layout, uint32_t theirs);
    Status take_layout(wire::Layout& layout);
    Status reconcile(wire::Layout const& layout, std::vector<image::Mapping> const& before,
        std::vector<wire::Range>& kept);
    Status fetch_memory(PageLine& pages, wire::Layout const& layout,
        std::vector<wire::Range> const& wanted, Progress& progress);
    Status put_threads(wire::ProcessState const& state);

    // group.cc
    Status map_commons(
        wire::Vma const& vma, image::Step const& step, std::vector<wire::ExecCall>& calls);
    std::set<uint32_t> commons_of(wire::Layout const& layout) const;
    Status send_commons(Session& to, uint32_t index, Progress& progress);
    Status send_all_commons(Session& to, wire::Layout const& layout, Progress& progress);
    void empty_all_commons();
    Fd const& commons_file(uint32_t index) const;
    Status fetch_commons(
        wire::CommonsWanted wanted, std::function<Status(wire::SegmentBytes const&)> const& store);
    Status bring_commons(wire::SegmentKey const& key, Progress& progress);
    Status await_group();
    void come_along();

    // stores.cc
    Status take_own_files(std::vector<image::Mapping> const& mappings);
    void name_own_files();
    void give_own_files_back();
    Status check_waits(wire::Layout const& layout, std::vector<wire::Range> const& waits) const;
    Status send_own_file(Session& to, uint32_t index, Progress& progress);
    Status bring_own_files(Progress& progress, bool ended = false);
    void bring_last_stores();

    // rounds_onward.cc: while it runs at a host
    Status send_ahead(Session& next, wire::SendPages wish, Copy& copy, Progress& progress);
    Result<std::optional<Ranges>> take_written_there();

    // onward.cc
    Status move_onward(wire::Landing const& landing, Progress& progress);

    wire::StewardOrder order_;
    DaemonLine daemon_;
    Body body_;
    Standstill standstill_;
    Segments segments_;
    Leases leases_;                  // while it is away
    OwnFiles own_;                   // likewise
    std::optional<Session> session_; // with the present host, when away
    Session* other_ = nullptr;       // the one a move is being made with
    Refusal refusal_;
    wire::Asker asker_;                           // who wants the moves that come
    std::optional<warden::WriteWatch> returning_; // watches what has come home, on the way
    std::optional<Kept> kept_;                    // by the last host, when it is home
    wire::Layout last_layout_;                    // as last known, for a host's preparations
    wire::Tally tally_;
    std::string host_;
    Nanos away_since_{0};
    Nanos reported_{0};
    Nanos home_since_{0};
    wire::GuestTally account_; // as of the last that was heard of it
    std::vector<wire::ExecCall>
        stale_; // gives up pages of P that it would only need if it came back soon
    Nanos stale_until_{0};
    // Of a move that has just been made.
    std::vector<wire::ExecCall> unneeded_;
    std::unique_ptr<Outward> unneeded_watch_;
    // While the host may still ask for pages: then all of P's are kept.
    struct Owing {
        std::vector<image::Mapping> mappings;
        tracee::Stat stat{};
        std::vector<wire::Range> kept;
        bool known = false; // what of P's memory can be given up then
    };
    std::optional<Owing> owing_;
    Mode mode_;
    bool host_takes_late_ = false;
    // Pages of P that are as the process left them, but for those that a deputy has mapped anew
    // since, if this is not P's count of that any more (Control).
    std::vector<wire::Range> held_;
    uint32_t remapped_ = 0;
    bool lazily_held_ = false; // the kernel may take them, which is seen only when they are needed
    // Pages of the program that deputies' calls still use; unknown to a steward that has taken
    // over.
    std::optional<std::vector<wire::Range>> deputys_;
    std::vector<wire::Alarm> postponed_; // alarms that came while it was being parked
    bool resumed_ = true;                // the host has answered the last resume
    bool group_leaves_ = false;          // the host says that it has to come home with others
    Nanos links_looked_{0};
    Nanos alarms_after_{0};   // before that nobody is brought home
    Nanos homeward_since_{0}; // it must come home and cannot since then; 0: it need not
    bool told_stopped_ = false;
    std::optional<wire::Priorities> told_priorities_; // to the present warden; none: not known
    Nanos priorities_looked_{0};
    uint32_t last_spare_ = std::random_device()(); // another steward's are other ones
    bool done_ = false;
};

// `rove-keeper steward --socket S --pid N --order-fd N`
int steward_main(int argc, char** argv);

} // namespace rove::migrate
