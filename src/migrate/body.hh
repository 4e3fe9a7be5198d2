// SPDX-License-Identifier: Apache-2.0
// Body: the process at home, which becomes the deputy, as the steward sees and changes it.
//
// `enter` freezes it and puts each of its threads into the runtime; `release` lets them go on
// natively. Between the two everything is done by the porter, inside the process, or by reading and
// writing its region; ptrace is used again only to call off a blocked call.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/fd.hh"
#include "base/result.hh"
#include "image/frame.hh"
#include "migrate/executor.hh"
#include "migrate/preflight.hh"
#include "tracee/afloat.hh"
#include "tracee/tracee.hh"
#include "warden/write_watch.hh"
#include "wire/session.hh"

namespace rove::migrate {

// How often a porter's client looks after the process while it waits for an answer.
constexpr int look_ms_usual = 100, look_ms_afloat = 1;

class Body {
public:
    // The process with this PID and start time; ESRCH if it is no more.
    static Result<Body> open(pid_t pid, uint64_t start_time);

    pid_t pid() const { return pid_; }
    int pidfd() const { return pidfd_.number(); }
    uint64_t region() const { return region_; }
    bool mapped() const { return mapped_; }
    bool entered() const { return entered_; }
    tracee::RemoteMemory const& memory() const { return memory_; }
    Executor& porter() { return *porter_; }
    int alarm_fd() const { return alarm_.number(); }
    image::XsaveFormat const& format() const { return format_; }

    // After an exec the memory is another one.
    Status reopen_memory();
    // What can be found out and settled before the freeze: instructions to borrow, the region's
    // place.
    Status prepare(Survey const& survey);

    // Userfaultfds of its address space, made by its own first thread while all stand still, for as
    // long as `stood` says. Nothing of it stays in the process. EBUSY: not one that is stopped,
    // or on its way; nor one in the middle of a transfer, which the stop has cut off: that comes
    // back in `cut`, and must be entered as it is, for only the runtime can end it.
    Result<warden::Userfaults> make_userfaults(Nanos& stood, std::optional<tracee::Tracee>& cut);
    // One that a steward has left there who died in the middle of that.
    Status close_left_userfault();

    // Freezes (or takes over a `held` tracee) and enters the runtime. When it returns, all threads
    // wait there and the porter serves. Images of the threads are complete. On failure the process
    // runs natively.
    Result<std::vector<wire::ThreadImage>> enter(
        Survey const& survey, Refusal& refusal, std::optional<tracee::Tracee> held);
    Result<wire::ProcessState> process_state(std::vector<wire::ThreadImage> threads);

    // A process whose threads wait or serve goes on natively; links are shut down. The region
    // stays.
    Status release();
    Nanos released_at() const { return released_at_; }
    Status release_unentered();
    bool in_transfer(std::vector<tracee::Thread> const& threads) const;
    // One that has been stopped on its way out of the runtime comes to its end.
    Status finish_leaving();
    // Threads that have come home in a wait go on with it in the program itself; see
    // deputy/waits.cc.
    Status wake_in_program();
    // Takes the region away if no thread is in it. False: not now.
    Result<bool> remove_region();

    // Its threads serve a guest, though we have not entered it.
    bool lives_away();
    // It has executed another program since we entered it. Afterwards it is one that was never
    // entered.
    bool has_new_image() const;
    Status take_new_image();

    // A runtime that an earlier steward has left. False: there is none.
    Result<bool> find_region();
    Status take_sockets(Nanos patience);

    Result<wire::Phase> phase() const;
    Status set_phase(wire::Phase phase); // and wakes all who wait for it
    Result<uint32_t> epoch() const;
    Status set_epoch(uint32_t epoch);
    // Phase and epoch in one write: the commit of a move out. Nobody is woken.
    Status commit(wire::Phase phase, uint32_t epoch);
    // Where it lives in that epoch; what stands there of the present one is not touched.
    Status write_landing(wire::Landing const& landing, uint32_t epoch);
    Result<wire::Landing> read_landing(uint32_t epoch) const;
    // Of the session of that epoch, as the runtime needs it.
    Status write_token(std::string const& token, uint32_t epoch);
    // The link that a slot's deputy is to serve once that epoch is committed.
    Status put_next_link(uint32_t index, int number, uint32_t epoch);
    // After a commit, or after the attempt at one: next links of `epoch` become the links, others
    // are closed. What was in use before is shut down first, and deputies have noticed that before
    // they can see the new one.
    Status settle_links(uint32_t epoch);
    // No deputy is between two links.
    Result<bool> all_linked() const;
    // The slot's new thread has no link yet; all such slots.
    Result<bool> linkless(uint32_t index) const;
    Result<std::vector<uint32_t>> linkless_slots() const;

    uint64_t control_address() const { return region_ + wire::control_offset; }
    uint64_t slot_address(uint32_t index) const { return wire::slot_address(region_, index); }
    // Control without its tables.
    Result<wire::Control> control() const;
    Result<wire::Slot> slot(uint32_t index) const;
    // Slots of living program threads.
    Result<std::vector<uint32_t>> used_slots() const;
    // "1:idle@17 2:in_call@4": what the threads do, with their calls' sequence; for a log.
    std::string slot_states() const;
    Status give_link(uint32_t index, int fd);
    // For a child that the process will have; see Spare in wire/region.hh.
    Status give_spare(
        uint32_t index, uint32_t id, int fd, wire::Landing const& landing, uint32_t epoch);
    Status drop_spare(uint32_t index, int number);
    // It has a steward now: what it wants it need not tell its parent's any more.
    Status forget_parent();
    // Calls off what the deputies of these slots are blocked in.
    Status cancel_calls(std::vector<uint32_t> const& slots);

    // While one of these lives, a process that is stopped by a signal, or comes to be, runs in its
    // runtime all the same (tracee/afloat.hh); after the last one it is stopped as before.
    class Awake {
    public:
        explicit Awake(Body& body) : body_(body) { ++body.awake_; }
        Awake(Awake&&) = delete;
        ~Awake();

    private:
        Body& body_;
    };
    // To be called again and again meanwhile.
    Status keep_afloat();
    // It is one that was found stopped.
    bool afloat() const { return afloat_ != nullptr; }

    // Called now and then while a long command runs.
    void set_idle(std::function<Status()> idle);

private:
    Body(pid_t pid, Fd pidfd, tracee::RemoteMemory memory)
        : pid_(pid),
          pidfd_(std::move(pidfd)),
          memory_(std::move(memory)),
          format_(image::machine_format()) {}
    struct Caught;
    // A thread in the call with which it came home, and when that is to end.
    struct TimedCall {
        wire::CalledOff call{};
        uint64_t deadline_ns = 0;
        uint64_t time = 0; // in the register, milliseconds
    };
    // What a thread waits in: a stop takes the call's number from its registers.
    struct Wait {
        uint64_t at = 0, number = 0;
    };
    void note_waits(std::vector<tracee::Thread> const& threads);
    Result<uint64_t> restarted_call(pid_t tid, uint64_t rip) const;
    void keep_timed(std::unordered_map<pid_t, TimedCall> const& timed);
    // By the host's numbers. Those that have not slept since but in that call.
    std::unordered_map<pid_t, TimedCall> timed_calls() const;
    Result<std::vector<wire::ThreadImage>> divert(tracee::Tracee& tracee, Survey const& survey,
        std::unordered_map<pid_t, TimedCall> const& timed, Refusal& refusal);
    Result<Caught> catch_thread(
        tracee::Tracee& tracee, tracee::Thread const& thread, TimedCall const& before) const;
    Status map_region(tracee::Tracee& tracee, image::FrameParts const& frame);
    Status write_control(Survey const& survey, size_t threads);
    Status wait_entered(size_t threads);
    void close_porter();
    // One thread of a process that may be afloat, and its way back.
    Result<tracee::Tracee> hold(pid_t tid);
    Status let_go(tracee::Tracee&& held);
    // Calls made by the first thread of a process that is held, which does not notice.
    using Call = std::function<Result<int64_t>(uint64_t number, uint64_t a, uint64_t b)>;
    Status call_in(tracee::Tracee& held, std::function<Status(Call const&)> const& calls);
    // If it is blocked in a call for its guest.
    Status call_off(tracee::Tracee& tracee, tracee::Thread& thread, uint32_t index);
    void set_afloat(tracee::Tracee&& held);
    void await_out();
    Status attend();
    void end_afloat();
    bool in_region(uint64_t address) const {
        return mapped_ && address - region_ < wire::region_size;
    }
    // The program's registers, as a thread's slot has them.
    Result<image::FrameParts> saved_frame(wire::Slot const& slot) const;
    // Outer TIDs of the process's threads by inner ones.
    Result<std::unordered_map<pid_t, pid_t>> outer_tids() const;
    Status await_noticed(std::vector<uint32_t> const& slots) const;
    // A held thread that waits in the runtime is put into the program. False: it is not in that
    // wait (yet).
    Result<bool> put_into_program(tracee::Tracee& tracee, tracee::Thread& thread, uint32_t index);

    pid_t pid_;
    Fd pidfd_;
    tracee::RemoteMemory memory_;
    tracee::Gadgets gadgets_;
    image::XsaveFormat format_;
    uint64_t region_ = 0;
    bool mapped_ = false; // the region is there
    bool entered_ = false;
    Nanos released_at_{0};
    std::optional<Executor> porter_;
    std::unique_ptr<tracee::Afloat> afloat_;
    int awake_ = 0; // who wants it so
    Nanos stopped_looked_{0};
    std::unordered_map<pid_t, Wait> waits_;
    Fd alarm_;
    std::function<Status()> idle_ = [] { return Status{}; };
};

} // namespace rove::migrate
