// SPDX-License-Identifier: Apache-2.0
// Fuzz target: what the other end of a line may send to a mailbox, in pieces of any size, and
// addresses. The first byte says how large the pieces are and what we have sent before.
// uses: base mailbox
#include <array>
#include <cstdlib>

#include "mailbox/mailbox.hh"

using namespace rove;
using namespace rove::mailbox;

namespace {

constexpr uint64_t window = 4096;

/// Reads as a line does, now and then to where a message will stay.
void feed(Mailbox& box, Peer peer, std::string_view bytes, size_t piece) {
    uint64_t unread = 0;
    while (!bytes.empty() && !box.over(peer)) {
        std::string_view part = bytes.substr(0, piece);
        auto room = box.room(peer);
        if (!room.empty() && piece % 2 == 0) {
            part = part.substr(0, room.size());
            std::memcpy(room.data(), part.data(), part.size());
            box.filled(peer, part.size());
        } else {
            box.feed(peer, part);
        }
        bytes.remove_prefix(part.size());
        // Nobody can make us keep more than the window, but for one message.
        if (box.waiting() > window / room_of(0) + 2) std::abort();
        std::array<Piece, 8> pieces;
        size_t all = 0;
        for (size_t i = 0, count = box.gather(peer, pieces); i < count; ++i)
            all += pieces[i].length;
        if (box.has_line(peer)) box.written(peer, all);
        if (piece % 3 == 0)
            if (auto const* letter = box.look({})) unread += box.take(letter).bytes.size();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string_view text(reinterpret_cast<char const*>(bytes), size);
    if (auto address = parse_address(text))
        if (text_of(*address) != text) std::abort();
    if (size < 1) return 0;
    Mailbox box({"n1", 7, 1}, Mailbox::Notices::yes, window);
    Peer peer = box.meet({"n2", 8, 2});
    (void)box.line(peer, 1, {});
    std::string_view const word = "word";
    for (int i = 0; i < bytes[0] % 4; ++i)
        (void)box.send(peer, {&word, 1});
    feed(box, peer, text.substr(1), 1 + bytes[0] % 64);
    (void)box.settled(peer);
    box.lost(peer);
    (void)box.take_calls();
    return 0;
}
