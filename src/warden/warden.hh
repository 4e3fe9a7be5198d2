// SPDX-License-Identifier: Apache-2.0
// Warden: the keeper of one guest on this host, from its landing to its leaving.
//
// One thread, one poll loop. What happens is told by the stage and driven by the steward's
// messages; whatever goes wrong before the commit ends this warden, and the program runs on where
// it was. Files: warden.cc the loop and the connections · arrive.cc prepare and commit, and between
// them memory_in.cc and state_in.cc · park.cc standing and going on · memory_out.cc pages that
// leave · late.cc pages that come when it runs · group.cc guests that share memory · patches.cc
// patched call sites · keep.cc memory that stays for a return · threads.cc new threads · tally.cc
// what is told each second · outer.cc how a warden is started.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "abi/x86_64/ticks.hh"
#include "base/result.hh"
#include "sys/loop.hh"
#include "warden/builder.hh"
#include "warden/daemon_line.hh"
#include "warden/guest.hh"
#include "warden/holder.hh"
#include "warden/kept.hh"
#include "warden/landing.hh"
#include "warden/late_pages.hh"
#include "warden/page_faults.hh"
#include "warden/segments.hh"
#include "warden/session_line.hh"
#include "warden/staging.hh"
#include "warden/write_watch.hh"
#include "wire/keeper.hh"
#include "wire/session.hh"

namespace rove::warden {

enum class Stage : uint8_t {
    waiting,  // nobody has asked for anything yet
    building, // prepare: guest, mappings
    prepared,
    laying,   // the final layout is being applied
    arriving, // laid out: state and pages come
    ready,    // all is here; only the commit is missing
    running,
    parking,
    parked,
    over, // the guest has ended
    kept, // it has left, and its memory is held
};
char const* stage_name(Stage stage);

// From here on a guest may be the only living copy: nobody's death but home's ends it.
inline bool may_be_committed(Stage stage) {
    return stage >= Stage::ready && stage < Stage::over;
}

class Household;

class Warden {
public:
    Warden(Household& household, wire::WardenOrder order, std::string session);

    /// Of one that the daemon has started: it waits for a steward.
    void begin();
    bool finished() const { return finished_; }
    sys::Loop& loop() { return loop_; }
    std::string const& token() const { return order_.token; }
    wire::WardenOrder const& order() const { return order_; }
    /// A hello with its token, and what comes with it.
    Verdict judge(wire::Hello const& hello) const;
    void arrived(wire::Hello const& hello, Fd socket);
    /// What its guest has asked for, if that can be given now.
    void offer();
    bool keeps(pid_t pid) const {
        return guest_ ? guest_->pid() == pid : order_.identity.pid == pid;
    }
    /// Of a child that is not born yet.
    bool has_spare(wire::Hello const& hello) const;
    /// What its guest has in common with others: they leave as one.
    std::set<Commons> commons() const;
    bool unborn() const { return born_ && !guest_; }
    /// Its guest stands, and goes on only if the leaving of its group is called off.
    bool stands() const { return standing_ || group_told_; }
    bool group_ready() const { return group_ready_; }
    void call_along();
    void group_goes();
    void group_stays();
    /// If it has that number, or whichever it has (0).
    void give_up_holder(pid_t number);
    /// Tells the steward that this lives, if it is time to.
    void heartbeat();

private:
    // warden.cc
    void take_control(Fd socket);
    void serve_control();
    void lose_control(std::string const& why);
    void take(wire::SessionType type, std::string_view body);
    Status perform(wire::SessionType type, std::string_view body);
    template <class T> Status send(wire::SessionType type, T const& body) {
        return control_.send(type, body);
    }
    void trouble(std::string const& reason, Error const& error);
    void enter(Stage stage);
    Status signal_guest(int number);
    void end(std::string const& why);
    void farewell(std::string const& why);
    void tick();
    void watch_guest();
    void guest_ended();
    bool killed_for_memory() const;
    void watch_link(uint32_t slot, int fd);
    void drop_link(uint32_t slot);
    std::string daemon_hello() const;

    // arrive.cc
    static Status check_clock(int64_t time);
    Status prepare(wire::Prepare prepare);
    int64_t wall_ahead() const;
    Status create_guest();
    void await_clocks() const;
    Status commit();
    void watch_builder();
    void serve_builder();

    // room.cc
    std::optional<uint32_t> other_vdso() const;
    Result<std::vector<wire::ExecCall>> replace_vdso(
        std::vector<wire::Vma> const& vmas, uint32_t index);
    Result<std::vector<wire::ExecCall>> clear_address_space(std::vector<wire::Vma> const& vmas);

    // memory_in.cc
    Status bring(wire::Layout layout);
    void apply_layout();
    void laid_out();
    Status take_ahead();
    Status forget(wire::Pages const& pages);
    void give_page_line();
    void receive_pages();
    void watch_writes();

    // late.cc
    Status expect_late(wire::Pages const& pages);
    void watch_late();
    Status begin_faults();
    void serve_faults();
    void ask_late();
    Status take_late(wire::LateBytes const& part);
    Status put_late(wire::LateBytes const& part);
    bool lacks_pages() const { return late_ && !late_->empty(); }
    void late_over();
    void watch_from_now();
    void bring();
    void answer_brought();

    // state_in.cc
    Status state(wire::ProcessState state);
    Status write_state();
    void set_limits();
    void import_threads();

    // park.cc
    Status park();
    void kick();
    bool child_shares() const;
    void check_parked();
    Result<wire::Parked> describe_parked();
    Status resume();
    Status go_on();

    // keep.cc
    bool worth_keeping() const;
    void make_holder();
    void note_parked(wire::Parked const& parked);
    void keep(wire::Keep const& wish);
    Status keep_memory();
    void tell_kept();
    void come_again(wire::Again const& again);
    std::optional<Guest> take_kept(Birth const& birth);
    void apply_to_kept(std::vector<wire::Vma> const& wanted);

    // group.cc
    bool group_stands();
    Status tell_group(wire::Parked& parked);
    Status take_commons(wire::SegmentBytes const& part);
    Status ready_to_go();
    void leave_group();
    Status send_commons(wire::CommonsWanted const& wanted);
    void share_commons();
    bool may_share() const;
    Result<std::set<Commons>> mapped_commons() const;

    // memory_out.cc
    Status reach(wire::SendPages const& request);
    Status scan();
    Status read_what_is_there(uint64_t from, void* to, size_t count);
    Status send_pages(wire::SendPages const& request);
    std::vector<wire::Range> unchanged_pages(std::vector<wire::Range> const& present) const;

    // patches.cc
    Status offer_patches() const;
    bool as_in_file(std::vector<wire::Vma> const& vmas, uint64_t address) const;
    Result<std::vector<wire::Range>> take_patches_back(std::vector<wire::Vma> const& vmas) const;

    // threads.cc
    void watch_service();
    void serve_service();
    static Status number_next(pid_t number);
    void offer_thread();
    void answer_guest(int64_t value, std::vector<int> const& fds);

    // children.cc
    struct Spare { // for a guest's next child
        std::string token, session;
        Fd link;
    };
    Status expect_child(wire::SpareOffer offer);
    void offer_child();

    // mail_ends.cc
    void fetch_line();
    void line_fetched(std::shared_ptr<Fd> const& socket);

    // files.cc
    void want_file();
    bool wants_file() const;
    Status file_found(wire::FileFound const& found);
    void give_file();
    void take_file_bytes(wire::SegmentBytes const& part);
    void refuse_file();
    Result<std::unique_ptr<Warden>> bear(pid_t pid, Spare& spare);
    void born(uint32_t slot, int64_t pid);
    void renew();
    void begin_anew();

    // tally.cc
    wire::GuestTally tally() const;
    uint64_t cpu_us() const;
    uint64_t memory_bytes() const; // that are there
    // The counters go on from what the process has used in earlier stays.
    Status open_account(wire::GuestTally const& before) const;
    void tell_daemon(std::string const& event, std::string const& text);
    void tell_daemon(
        wire::GuestTally const& now, std::string const& event, std::string const& text);
    void tell_tally();

    Result<std::vector<std::pair<uint32_t, wire::Slot>>> live_slots() const;
    std::string slot_states() const; // for a log

    Household& household_;
    wire::WardenOrder order_;
    std::string session_;
    std::string group_; // the session in whose cgroup the guest is
    sys::Loop loop_;
    DaemonLine daemon_;
    SessionLine control_;
    Nanos abandoned_{0}; // since when there is no steward, 0: there is one
    Nanos last_ping_{0}, last_tally_{0}, over_since_{0};
    std::optional<wire::CommonsWanted> last_wanted_; // answered when the guest has ended
    Nanos began_ = monotonic_now();
    uint64_t began_ticks_ = abi::ticks(); // at that time, to measure ticks by the clock
    uint64_t pings_ = 0;
    Stage stage_ = Stage::waiting;
    bool stopped_ = false;                       // home is, by a signal
    std::optional<wire::Priorities> priorities_; // at home; none: as the guest has them
    bool ended_ = false;                         // it is leaving
    bool finished_ = false;                      // it has left
    std::string error_reason_;                   // the reason word of the step that fails

    std::optional<wire::Prepare> prepare_;
    Nanos monotonic_ahead_{0}, boottime_ahead_{0}; // the guest's clocks, which are home's, of ours
    std::optional<Guest> guest_;
    Builder builder_;
    bool builder_watched_ = false;
    Segments segments_;
    std::vector<wire::Vma> applied_; // what the guest maps now
    wire::Layout target_;            // what it shall map
    bool segments_missing_ = false;
    bool first_layout_ = true;
    Fd pages_;                         // page connection, before the guest or send_pages has it
    Fd onward_;                        // to the next host's warden, once it was reached
    std::optional<Staging> staging_;   // for the pages that will be sent, and
    KnownMappings known_mappings_;     // what the guest mapped, when that was announced
    std::optional<WriteWatch> watch_;  // of its pages, since they came
    std::vector<wire::Range> unread_;  // since the last scan: asked for, and not there
    std::optional<LatePages> late_;    // the guest's, that come while it runs
    bool late_open_ = false;           // it has not been told that they have
    std::optional<PageFaults> faults_; // then
    std::optional<Userfaults> later_watch_; // for when they have come
    wire::Range brought_;                   // what the guest waits for, if it has asked
    bool page_line_given_ = false;          // to the guest
    bool receiving_ = false, received_ = false, importing_ = false;
    std::vector<wire::Range> populated_; // pages that were made before they came
    uint32_t slots_end_ = 1;             // one more than the highest slot that a thread has had
    std::vector<wire::Range> huge_;      // where we asked for huge pages, not the program
    uint64_t received_bytes_ = 0;
    std::optional<wire::ProcessState> state_;
    std::map<uint32_t, Fd> links_; // by slot; after import duplicates, to see that home is there
    std::set<uint32_t> handed_;    // slots whose links the guest has
    Fd service_;
    std::map<uint32_t, Spare> spares_; // by id
    Fd unborn_theirs_;                 // a child's end of its service socket, until it is made
    bool born_ = false;                // here, as another guest's child
    bool shares_ = false; // it shares its parent's memory until it executes another program
    std::optional<wire::Service> asked_;
    Nanos asked_at_{0};
    struct File {
        uint32_t index = 0;
        uint64_t offset = 0;
    };
    std::optional<File> file_; // what the guest waits for
    uint32_t file_question_ = 0;
    bool standing_ = false;    // its threads have parked, and others that share memory shall
    bool group_told_ = false;  // its steward relies on its group's standing
    bool group_ready_ = false; // the steward need only commit
    bool group_going_ = false; // and may: it never goes on here
    Nanos called_along_{0};
    std::optional<Holder> holder_;       // of the guest's memory
    std::optional<wire::Layout> parked_; // as the guest stands, if it has a holder
    std::string kept_name_;
    bool holds_ = false;                 // the memory of a guest that has left
    std::optional<Kept> kept_;           // of a former session, until the guest is made
    std::optional<wire::Layout> former_; // then, until it is laid out: what is mapped there
    wire::Prepared prepared_;
    sys::Loop::TimerId park_timer_ = 0;
    Nanos parking_since_{0};
    int guest_status_ = 0;
};

/// Entry point of the role: `rove-keeper warden --socket S --session ID --order-fd N`.
int warden_main(int argc, char** argv);

} // namespace rove::warden
