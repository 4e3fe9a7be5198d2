// SPDX-License-Identifier: Apache-2.0
// Commands: what a steward says to its warden, and at which stages it may.
#include <signal.h>

#include "base/fault.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::SessionType;

namespace {

template <class T> Result<T> parse(std::string_view body) {
    auto message = wire::decode<T>(body);
    if (!message) return fail(EBADMSG, "the steward's message cannot be decoded");
    return std::move(*message);
}

} // namespace

void Warden::take(SessionType type, std::string_view body) {
    if (ended_) return;
    error_reason_.clear();
    auto done = perform(type, body);
    if (control_) control_.forgive(); // the steward was not silent, we may have been deaf
    if (!done) {
        trouble(error_reason_, done.error());
        // Before the commit there is nothing to lose here.
        if (!may_be_committed(stage_)) end("it failed before the commit");
    }
}

Status Warden::perform(SessionType type, std::string_view body) {
    switch (type) {
    case SessionType::ping:
        return {};
    case SessionType::prepare:
        if (stage_ != Stage::waiting) return fail(EPROTO, "a second prepare");
        return prepare(TRY(parse<wire::Prepare>(body)));
    case SessionType::segment: {
        if (may_be_committed(stage_)) {
            take_file_bytes(TRY(parse<wire::SegmentBytes>(body)));
            return {};
        }
        if (!segments_missing_) return fail(EPROTO, "bytes of a segment that is not missing");
        if (TRY(segments_.receive(TRY(parse<wire::SegmentBytes>(body))))) {
            segments_missing_ = false;
            apply_layout();
        }
        return {};
    }
    case SessionType::forecast:
        if (stage_ != Stage::prepared)
            return fail(EPROTO, "a forecast while {}", stage_name(stage_));
        enter(Stage::building);
        return bring(TRY(parse<wire::Layout>(body)));
    case SessionType::ahead:
        if (stage_ != Stage::prepared)
            return fail(EPROTO, "pages ahead while {}", stage_name(stage_));
        return take_ahead();
    case SessionType::forget:
        if (stage_ != Stage::prepared) return fail(EPROTO, "forget while {}", stage_name(stage_));
        return forget(TRY(parse<wire::Pages>(body)));
    case SessionType::late:
        if (stage_ != Stage::prepared)
            return fail(EPROTO, "late pages while {}", stage_name(stage_));
        return expect_late(TRY(parse<wire::Pages>(body)));
    case SessionType::late_bytes:
        return take_late(TRY(parse<wire::LateBytes>(body)));
    case SessionType::late_question:
        if (lacks_pages()) return {}; // it is told when they have come
        return send(SessionType::late_over, wire::Empty{});
    case SessionType::layout:
        if (stage_ != Stage::prepared) return fail(EPROTO, "a layout while {}", stage_name(stage_));
        enter(Stage::laying);
        return bring(TRY(parse<wire::Layout>(body)));
    case SessionType::state:
        if (stage_ != Stage::arriving || state_)
            return fail(EPROTO, "a state while {}", stage_name(stage_));
        return state(TRY(parse<wire::ProcessState>(body)));
    case SessionType::pages_done:
        return {};
    case SessionType::commit:
        if (stage_ != Stage::ready) return fail(EPROTO, "a commit while {}", stage_name(stage_));
        return commit();
    case SessionType::abort:
        end("the move was called off");
        return {};
    case SessionType::let_go:
        (void)fault_point("warden_before_let_go"); // whatever goes wrong with it, the copy ends
        end("the process lives elsewhere now");
        return {};
    case SessionType::keep:
        keep(TRY(parse<wire::Keep>(body)));
        return {};
    case SessionType::park:
        if (stage_ != Stage::running && !group_going_)
            return fail(EPROTO, "park while {}", stage_name(stage_));
        if (lacks_pages()) return deny(EBUSY, "some of its pages are still at home");
        return park();
    case SessionType::send_pages:
        if (stage_ != Stage::parked && stage_ != Stage::running)
            return fail(EPROTO, "send_pages while {}", stage_name(stage_));
        return send_pages(TRY(parse<wire::SendPages>(body)));
    case SessionType::scan:
        if (stage_ != Stage::running && !group_going_)
            return fail(EPROTO, "scan while {}", stage_name(stage_));
        return scan();
    case SessionType::reach:
        if (stage_ != Stage::running && !group_going_)
            return fail(EPROTO, "reach while {}", stage_name(stage_));
        return reach(TRY(parse<wire::SendPages>(body)));
    case SessionType::resume:
        return resume();
    case SessionType::group_ready:
        return ready_to_go();
    case SessionType::commons_bytes:
        return take_commons(TRY(parse<wire::SegmentBytes>(body)));
    case SessionType::commons_wanted:
        return send_commons(TRY(parse<wire::CommonsWanted>(body)));
    case SessionType::stop:
        stopped_ = true;
        return signal_guest(SIGSTOP);
    case SessionType::cont:
        stopped_ = false;
        TRY(signal_guest(SIGCONT));
        offer();
        return {};
    case SessionType::adopt: {
        auto known = TRY(parse<wire::Prepare>(body));
        if (order_.identity.start_time == 0) // of a child only its PID is known here
            order_.identity = prepare_->identity = known.identity;
        if (known.identity != order_.identity) return fail(EPERM, "another process's guest");
        if (!may_be_committed(stage_)) return fail(EPROTO, "adopt while {}", stage_name(stage_));
        if (known.epoch != prepare_->epoch)
            return fail(EPROTO, "adopt of epoch {}, not {}", known.epoch, prepare_->epoch);
        // Home's epoch says that the commit has been made, or that a move away has not.
        if (stage_ == Stage::ready) return commit();
        if (stage_ != Stage::running) return resume();
        TRY(go_on());
        TRY(send(SessionType::running, wire::Empty{}));
        ask_late();
        return {};
    }
    case SessionType::priorities:
        priorities_ = TRY(parse<wire::Priorities>(body));
        tell_daemon("", "");
        return {};
    case SessionType::clock_request: {
        Clocks now = clocks_now();
        wire::ClockReading reading{
            now.monotonic.count(), now.boottime.count(), now.realtime.count()};
        return send(SessionType::clock, reading);
    }
    case SessionType::file_found:
        return file_found(TRY(parse<wire::FileFound>(body)));
    case SessionType::spare:
        return expect_child(TRY(parse<wire::SpareOffer>(body)));
    case SessionType::renew:
        if (!may_be_committed(stage_) && stage_ != Stage::over)
            return fail(EPROTO, "renew while {}", stage_name(stage_));
        renew();
        return {};
    case SessionType::tally_request:
        return send(SessionType::tally, tally());
    case SessionType::none:
    case SessionType::segments_wanted:
    case SessionType::prepared:
    case SessionType::laid_out:
    case SessionType::ready:
    case SessionType::running:
    case SessionType::parked:
    case SessionType::pages_sent:
    case SessionType::tally:
    case SessionType::trouble:
    case SessionType::clock:
    case SessionType::reached:
    case SessionType::scanned:
    case SessionType::ahead_taken:
    case SessionType::renewed:
    case SessionType::file_wanted:
    case SessionType::bytes_wanted:
    case SessionType::group_home:
    case SessionType::group_go:
    case SessionType::kept:
    case SessionType::late_wanted:
    case SessionType::late_over:
        break;
    }
    return fail(EPROTO, "message {} is not for a warden", static_cast<int>(type));
}

// One that has ended is reported by its end.
Status Warden::signal_guest(int number) {
    if (!guest_) return {};
    auto sent = guest_->signal(number);
    return sent || sent.error().gone() ? Status{} : sent;
}

} // namespace rove::warden
