// SPDX-License-Identifier: Apache-2.0
// Rounds onward: pages of a guest go from its host to the next one while it still runs there.
//
// As on the way out (rounds_out.cc), but it is the host that watches, reads and sends.
#include "base/fault.hh"
#include "image/layout.hh"
#include "migrate/steward.hh"
#include "warden/mapping.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {
constexpr Nanos answer_patience = std::chrono::seconds(5),
                slice_patience = std::chrono::seconds(30);
constexpr uint64_t slice_max = 16 << 20; // the guest's new threads wait for as long as that takes
} // namespace

// What was written there since that was last asked. Nothing: the host cannot tell.
Result<std::optional<Ranges>> Steward::take_written_there() {
    TRY(session_->send(SessionType::scan));
    auto frame = TRY(session_->wait({SessionType::scanned}, answer_patience));
    auto scanned = wire::decode<wire::Scanned>(frame.body);
    if (!scanned) return fail(EBADMSG, "a malformed message from {}", host_);
    if (scanned->able == 0) { // it may have begun to count anew
        held_.clear();
        return std::optional<Ranges>();
    }
    TRY(image::check_pages(scanned->written));
    // From now on they count as unchanged there, which says nothing of those that home has.
    held_ = warden::subtract(held_, scanned->written);
    return std::optional(std::move(scanned->written));
}

Status Steward::send_ahead(Session& next, wire::SendPages wish, Copy& copy, Progress& progress) {
    Rounds rounds(progress.freeze);
    for (bool first = true;; first = false) {
        auto written = TRY(take_written_there());
        if (!written) return {};
        copy.outdate(*written);
        // What has not been written since it came there was not sent anywhere yet, either.
        if (first) written = warden::unite(*written, last_layout_.present);
        auto wanted = copy.takes(*written);
        uint64_t bytes = wire::bytes_of(wanted);
        if (first && !rounds.worth(bytes)) return {};
        if (rounds.next(bytes) == Rounds::Next::freeze) return {};
        Nanos began = monotonic_now();
        wish.more = 1;
        for (auto rest = wanted; !rest.empty();) {
            wish.ranges = take_slice(rest, slice_max);
            TRY(next.send(SessionType::ahead));
            TRY(session_->send(SessionType::send_pages, wish));
            TRY(session_->wait({SessionType::pages_sent}, slice_patience));
            TRY(next.wait({SessionType::ahead_taken}, slice_patience));
            copy.add(wish.ranges);
            serve_without_moving();
            TRY(keep_sessions());
        }
        rounds.gone(bytes, monotonic_now() - began);
        progress.bytes += bytes;
        progress.ahead += bytes;
        FAULT_POINT("onward_round");
    }
}

} // namespace rove::migrate
