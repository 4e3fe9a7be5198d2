// SPDX-License-Identifier: Apache-2.0
// Fuzz target: packets between a process with a mailbox and its daemon, and between two daemons
// about a line or a move.
// uses: base wire
#include "round_trip.hh"
#include "wire/mail_direct.hh"
#include "wire/mail_move.hh"

using namespace rove;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string_view text(reinterpret_cast<char const*>(bytes), size);
    round_trip<wire::MailQuestion>(text);
    round_trip<wire::MailReply>(text);
    round_trip<wire::MailDirectQuestion>(text);
    round_trip<wire::MailDirectReply>(text);
    round_trip<wire::MailEndQuestion>(text);
    round_trip<wire::MailTogetherQuestion>(text);
    round_trip<wire::MailTogetherReply>(text);
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
    round_trip<wire::MailDirect>(packet->body);
    round_trip<wire::MailUsed>(packet->body);
    round_trip<wire::MailFetch>(packet->body);
    round_trip<wire::MailFetched>(packet->body);
    round_trip<wire::MailFollow>(packet->body);
    round_trip<wire::MailFollowed>(packet->body);
    round_trip<wire::MailMove>(packet->body);
    round_trip<wire::MailMoved>(packet->body);
    return 0;
}
