// SPDX-License-Identifier: Apache-2.0
// Threads: what a guest cannot do itself when the program makes a thread or a process: choose the
// number that home has given, and get the link's other end. Both come from its warden, over the
// service socket.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.hh"
#include "sys/files.hh"
#include "sys/sockets.hh"
#include "warden/household.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::Service;
using wire::ServiceType;

void Warden::watch_service() {
    loop_.watch(service_.number(), POLLIN, [this](short) { serve_service(); });
}

void Warden::serve_service() {
    Service request{};
    ssize_t got = recv(service_.number(), &request, sizeof request, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) { // the guest is ending, or was never made
        loop_.unwatch(service_.number());
        return guest_ ? void() : end("it was not born");
    }
    if (static_cast<size_t>(got) != sizeof request) return;
    if (request.type == ServiceType::born) return born(request.slot, request.value);
    if (request.type == ServiceType::made)
        return household_.end_turn(static_cast<pid_t>(request.value));
    bool process = request.type == ServiceType::new_process,
         file = request.type == ServiceType::map_file,
         line = request.type == ServiceType::take_line,
         pages = request.type == ServiceType::bring_pages;
    if (request.type != ServiceType::new_thread && !process && !file && !line && !pages) {
        LOG(debug, "the guest's slot {} has lost its link", request.slot);
        return;
    }
    if (asked_) return answer_guest(-EBUSY, {}); // its lock lets only one ask at a time
    asked_ = request;
    asked_at_ = monotonic_now();
    if (file) return want_file();
    if (line) return fetch_line();
    if (pages) return bring();
    bool slot_known = process || (request.slot > 0 && request.slot < wire::vfork_slots);
    if (!slot_known || request.value < 2 || request.value > 1 << 22)
        return answer_guest(-EINVAL, {});
    offer();
}

void Warden::offer() {
    // A stopped guest would keep the turn from its siblings.
    if (!asked_ || ended_ || stopped_ || wants_file()) return;
    if (asked_->type == ServiceType::take_line || asked_->type == ServiceType::bring_pages) return;
    asked_->type == ServiceType::new_process ? offer_child() : offer_thread();
}

// The guest's next clone gets this number; nobody else clones in its namespace meanwhile.
Status Warden::number_next(pid_t number) {
    static Result<Fd> const knob =
        sys::open("/proc/sys/kernel/ns_last_pid", O_WRONLY); // of whoever writes
    if (!knob) return Failure(knob.error());
    auto text = std::to_string(number - 1);
    if (::pwrite(knob->number(), text.data(), text.size(), 0) < 0)
        return fail(errno, "cannot choose the next PID");
    return {};
}

// When the link that the steward makes has arrived, too.
void Warden::offer_thread() {
    auto link = links_.find(asked_->slot);
    if (link == links_.end() || handed_.contains(asked_->slot)) return;
    if (!household_.take_turn(*this, static_cast<pid_t>(asked_->value))) return;
    household_.free_number(static_cast<pid_t>(asked_->value));
    auto numbered = number_next(static_cast<pid_t>(asked_->value));
    if (!numbered) {
        LOG(warn, "{}", numbered.error().sentence());
        return answer_guest(-numbered.error().code, {});
    }
    uint32_t slot = link->first;
    handed_.insert(slot);
    slots_end_ = std::max(slots_end_, slot + 1);
    watch_link(slot, link->second.number());
    answer_guest(0, {link->second.number()});
}

void Warden::answer_guest(int64_t value, std::vector<int> const& fds) {
    Service answer{asked_->type, asked_->slot, value};
    asked_.reset();
    file_.reset();
    if (value < 0) household_.leave_turn(*this);
    (void)sys::send_fds(
        service_.number(), ByteView(reinterpret_cast<uint8_t const*>(&answer), sizeof answer), fds);
}

} // namespace rove::warden
