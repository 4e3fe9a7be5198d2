// SPDX-License-Identifier: Apache-2.0
// Children: what a process needs ahead to have children where it is, and how it becomes another
// program while its deputy executes that.
#include <sys/random.h>

#include <cstddef>
#include <cstring>

#include "base/log.hh"
#include "migrate/steward.hh"
#include "tracee/proc.hh"

namespace rove::migrate {

using wire::KeeperType;
using wire::SessionType;

namespace {

Result<std::string> random_bytes(size_t count) {
    std::string bytes(count, '\0');
    if (::getrandom(bytes.data(), count, 0) != static_cast<ssize_t>(count))
        return fail(errno, "no random numbers");
    return bytes;
}

std::string hex(std::string_view bytes) {
    std::string text;
    for (unsigned char byte : bytes)
        text += fmt::format("{:02x}", byte);
    return text;
}

} // namespace

// Links that a child's deputy takes at once when the process forks, each with the session of the
// child: its token is in the landing that the child will find.
void Steward::make_spares() {
    if (!session_ || other_ != nullptr) return;
    auto control = body_.control();
    if (!control) return;
    for (uint32_t i = 0; i < wire::spares_max && session_; ++i) {
        if (control->spares[i].epoch == control->epoch) continue;
        if (auto made = make_spare(i, *control); !made) {
            LOG(note, "no link for a child: {}", made.error().sentence());
            return;
        }
    }
}

Status Steward::make_spare(uint32_t index, wire::Control const& control) {
    auto const& old = control.spares[index];
    if (old.epoch != 0) TRY(body_.drop_spare(index, old.link_fd)); // of an earlier host
    wire::SpareOffer offer;
    offer.id = ++last_spare_;
    offer.token = TRY(random_bytes(sizeof wire::Hello::token));
    offer.session = hex(TRY(random_bytes(8)));
    TRY(session_->send(SessionType::spare, offer));
    auto link = TRY(
        connect_to(session_->landing(), wire::Kind::spare, offer.id, session_->epoch()));
    wire::Landing landing = session_->landing();
    landing.token = offer.token;
    return body_.give_spare(index, offer.id, link.number(), landing, control.epoch);
}

// The PID is the one that the program sees.
void Steward::tell_born(pid_t inner) {
    wire::Born born;
    born.pid = tracee::outer_child(body_.pid(), inner).value_or(0);
    if (born.pid != 0) daemon_.send(KeeperType::born, born);
}

// Whether the process has another memory than the one that was split. What was away of it has ended
// with that, and it lives here.
bool Steward::executed() {
    if (!session_ || !body_.has_new_image()) return false;
    (void)session_->send(SessionType::let_go);
    session_.reset();
    leases_.give_back();
    postponed_.clear();
    held_.clear();
    stale_.clear();
    homeward_since_ = Nanos(0);
    host_ = order_.node;
    home_since_ = monotonic_now();
    tally_.away_us += microseconds(monotonic_now() - away_since_);
    ++tally_.moves;
    if (auto reopened = body_.take_new_image(); !reopened)
        LOG(debug, "{}", reopened.error().sentence());
    report_state("came_home", "exec", "it executed another program");
    return true;
}

} // namespace rove::migrate
