// SPDX-License-Identifier: Apache-2.0
// Fuzz target: packets between a process with a mailbox and its daemon, and between two daemons
// about a line.
// uses: base wire
#include "wire/mail.hh"
#include "round_trip.hh"

using namespace rove;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string_view text(reinterpret_cast<char const*>(bytes), size);
    round_trip<wire::MailQuestion>(text);
    round_trip<wire::MailReply>(text);
    auto packet = wire::open_mail_packet(text);
    if (!packet) return 0;
    round_trip<wire::MailOpen>(packet->body);
    round_trip<wire::MailOpened>(packet->body);
    round_trip<wire::MailDenied>(packet->body);
    round_trip<wire::MailCall>(packet->body);
    round_trip<wire::MailLine>(packet->body);
    round_trip<wire::MailRefused>(packet->body);
    round_trip<wire::MailFind>(packet->body);
    round_trip<wire::MailFound>(packet->body);
    round_trip<wire::MailEnded>(packet->body);
    round_trip<wire::MailCount>(packet->body);
    round_trip<wire::MailCounted>(packet->body);
    return 0;
}
