// SPDX-License-Identifier: Apache-2.0
// Arrive: a guest is made (prepare), and lives (commit). What comes to it in between is in
// memory_in.cc and state_in.cc. See warden.hh and the conversation in wire/session.hh.
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstddef>

#include "base/fault.hh"
#include "base/log.hh"
#include "sandbox/user_namespace.hh"
#include "sys/files.hh"
#include "sys/sockets.hh"
#include "warden/blob_identity.hh"
#include "warden/household.hh"
#include "warden/numbers.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::ExecOp;
using wire::ExecReply;
using wire::SessionType;
using wire::VmaKind;

// Within what a clock of a machine can say: sums with it cannot overflow.
Status Warden::check_clock(int64_t time) {
    if (time < 0 || time > int64_t{1} << 61) return fail(EBADMSG, "a clock that says {} ns", time);
    return {};
}

Status Warden::prepare(wire::Prepare message) {
    FAULT_POINT("warden_prepare");
    if (message.identity != order_.identity)
        return deny(EPERM, "another process than was announced");
    if (message.blob != blob_identity()) {
        error_reason_ = "wrong_version";
        return fail(EPROTO, "home runs another version of the runtime");
    }
    if (message.identity.pid <= 1) {
        error_reason_ = "pid_1";
        return deny(ENOTSUP, "PID {} cannot be away", message.identity.pid);
    }
    if (message.region % wire::region_align != 0 || message.region == 0 ||
        message.region > address_end - wire::region_align)
        return fail(EBADMSG, "a region at {:#x}", message.region);
    if (message.hostname.size() > 64 || message.domainname.size() > 64)
        return fail(EBADMSG, "a host name of {} bytes", message.hostname.size());
    prepare_ = std::move(message);
    auto const &home = prepare_->home_clock, &host = prepare_->host_clock;
    for (auto const* clock : {&home, &host})
        for (int64_t time : {clock->monotonic_ns, clock->boottime_ns, clock->realtime_ns})
            TRY(check_clock(time));
    monotonic_ahead_ = Nanos(home.monotonic_ns - host.monotonic_ns);
    boottime_ahead_ = Nanos(home.boottime_ns - host.boottime_ns);
    enter(Stage::building);
    TRY(create_guest());
    return bring(std::move(prepare_->layout));
}

// Of home's wall clock, if a program would see it: times of files have no finer grain than this.
int64_t Warden::wall_ahead() const {
    constexpr int64_t grain = 2'000'000;
    int64_t ahead = prepare_->home_clock.realtime_ns - prepare_->host_clock.realtime_ns;
    return ahead > -grain && ahead < grain ? 0 : ahead;
}

Status Warden::create_guest() {
    auto [command, command_theirs] = TRY(sys::socket_pair(SOCK_STREAM));
    auto [service, service_theirs] = TRY(sys::socket_pair(SOCK_SEQPACKET));
    Birth birth;
    birth.token = order_.token;
    birth.order = &*prepare_;
    birth.fd_first = command_number;
    bool own_user = order_.guest_uid != 0;
    birth.uid = own_user ? sandbox::guest_uid : sandbox::warden_uid;
    birth.gid = birth.uid;
    birth.realtime_offset_ns = wall_ahead();
    birth.command = command_theirs.number();
    birth.service = service_theirs.number();
    birth.joined = &household_.namespaces();
    if (auto former = take_kept(birth)) {
        guest_ = std::move(*former);
    } else {
        TRY(sandbox::set_clocks(monotonic_ahead_, boottime_ahead_));
        guest_ = TRY(Guest::create(birth));
    }
    if (birth.joined->empty()) household_.keep_namespaces(TRY(guest_->namespaces()));
    builder_ = Builder(std::move(command));
    service_ = std::move(service);
    watch_builder();
    watch_guest();

    for (auto const& directory : order_.cgroups) {
        if (household_.moved_in()) break;
        if (auto moved =
                sys::write_knob(directory + "/cgroup.procs", std::to_string(guest_->pid()));
            !moved)
            LOG(warn, "the guest cannot be put into its cgroup: {}", moved.error().sentence());
    }
    // It inherits ours.
    (void)setpriority(PRIO_PROCESS, static_cast<id_t>(guest_->pid()), order_.nice);
    if (order_.oom_score_adj != 0 || holder_)
        (void)guest_->set_proc_file("oom_score_adj", std::to_string(order_.oom_score_adj));
    tell_daemon("", "");
    return {};
}

// Clocks of two machines are never compared exactly: the guest goes on when its clocks here say at
// least what it may have read before. The coarse one counts in ticks.
void Warden::await_clocks() const {
    constexpr Nanos most = std::chrono::milliseconds(20);
    Nanos behind =
        await_clock(CLOCK_MONOTONIC, Nanos(state_->monotonic_ns) - monotonic_ahead_, most);
    behind = std::max(
        behind, await_clock(CLOCK_BOOTTIME, Nanos(state_->boottime_ns) - boottime_ahead_, most));
    behind = std::max(behind,
        await_clock(CLOCK_MONOTONIC_COARSE, Nanos(state_->coarse_ns) - monotonic_ahead_, most));
    if (behind > Nanos(0)) LOG(warn, "the guest's clocks go back by {} us", behind.count() / 1000);
}

Status Warden::commit() {
    FAULT_POINT("warden_commit");
    await_clocks();
    TRY(guest_->put(guest_->control_field(offsetof(wire::Control, watched)),
        uint32_t{watch_ || faults_ ? 1u : 0u}));
    TRY(guest_->put(
        guest_->control_field(offsetof(wire::Control, lacks)), uint32_t{lacks_pages() ? 1u : 0u}));
    TRY(guest_->put(
        guest_->control_field(offsetof(wire::Control, own_files)), segments_.count_own()));
    TRY(offer_patches());
    for (auto const& vma : target_.vmas) {
        if (vma.kind != VmaKind::vdso) continue;
        TRY(guest_->put(guest_->control_field(offsetof(wire::Control, vdso_begin)), vma.start));
        TRY(guest_->put(guest_->control_field(offsetof(wire::Control, vdso_end)), vma.end));
    }
    TRY(guest_->set_phase(wire::Phase::serving));
    uint64_t phase = guest_->control_field(offsetof(wire::Control, phase));
    constexpr uint64_t wake_private = 0x81;
    builder_.command(ExecOp::call, {phase, wake_private, 0x7fffffff, 0, 0, 0, SYS_futex}, {},
        [](ExecReply const&, std::string_view) {});
    builder_.run(state_->threads[0].slot);
    enter(Stage::running);
    serve_builder();
    watch_service();
    TRY(send(SessionType::running, wire::Empty{}));
    ask_late();
    late_over();
    tell_daemon("arrived", "");
    return fault_point("warden_running");
}

void Warden::watch_builder() {
    builder_watched_ = true;
    loop_.watch(builder_.number(), POLLIN, [this](short) { serve_builder(); });
}

void Warden::serve_builder() {
    if (!builder_ || ended_) return;
    auto served = builder_.flush();
    if (served) served = builder_.serve();
    if (ended_) return;
    if (!served) {
        loop_.unwatch(builder_.number());
        builder_.close();
        // It closes its end when it becomes the program; before that it has died.
        if (stage_ < Stage::running) {
            trouble("", served.error());
            end("it failed before the commit");
        }
        return;
    }
    short events = POLLIN;
    if (builder_.wants_write()) events |= POLLOUT;
    loop_.watch(builder_.number(), events, [this](short) { serve_builder(); });
}

} // namespace rove::warden
