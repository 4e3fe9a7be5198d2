// SPDX-License-Identifier: Apache-2.0
// PostOffice: how much is said on its lines. No byte of a message passes here, so the processes
// count themselves, and say so when they are asked.
//
// Nobody can harm another one by a lie: what a process says moves that process alone, and home has
// to take its own anyway.
#include "node/post_office_parts.hh"

namespace rove::node {

namespace {
constexpr uint32_t count_every_ms = 1000; // as often as something is decided
}

// Once for each connection, when there is a line.
void PostOffice::want_counts(BoxPtr const& box) {
    if (!std::exchange(box->counts, true))
        say(box, wire::mail_packet(wire::MailType::count, wire::MailCount{count_every_ms}));
}

void PostOffice::take_counts(Box& box, wire::MailCounted const& counted) {
    for (wire::MailTalk const& talk : counted.talks)
        if (box.partners.contains(talk.incarnation)) box.talks[talk.incarnation] = talk.messages;
}

// Lines go from where one is to where the other is. Where another home's processes are this one
// does not know; they are taken to be at home.
std::string PostOffice::place_of(wire::MailAddress const& partner) const {
    if (partner.home != place_.node) return partner.home;
    auto box = boxes_.find(partner.incarnation);
    std::string place = box == boxes_.end() ? "" : place_for(*box->second);
    return place.empty() ? place_.node : place;
}

std::map<pid_t, std::vector<PostOffice::Talk>> PostOffice::talks() const {
    std::map<pid_t, std::vector<Talk>> all;
    for (auto const& [incarnation, box] : boxes_)
        for (auto const& [other, messages] : box->talks) {
            wire::MailAddress const& partner = box->partners.at(other).address;
            all[box->pid].push_back({partner, place_of(partner), messages});
        }
    return all;
}

} // namespace rove::node
