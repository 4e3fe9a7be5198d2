// SPDX-License-Identifier: Apache-2.0
// Fuzz target: who sits between the two sides of a sealed stream, and repeats, changes, cuts and
// makes up what goes there. What opens is the next record that the other side has sent, as it was.
// uses: seal
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "seal/stream.hh"

using namespace rove::seal;

namespace {

using Bytes = std::basic_string<uint8_t>;

void insist(bool is_so) {
    if (!is_so) std::abort();
}

struct Connection {
    Stream home, host;
    std::vector<Bytes> sent; // by home
    Bytes line;              // from home to host

    Connection() {
        uint8_t const secret[secret_size] = {1}, at_home[salt_size] = {2}, at_host[salt_size] = {3};
        uint8_t record[salt_record_size];
        begin(host, Use::link, Side::host, at_host, record);
        begin(home, Use::link, Side::home, at_home, record);
        agree(home, secret, Purpose{}, at_host);
        agree(host, secret, Purpose{}, at_home);
        line.assign(record, sizeof record);
    }

    static Bytes sealed(Stream& from, uint64_t n) {
        Bytes const text(n, static_cast<uint8_t>(from.sent));
        Bytes record(head_size + n + tag_size, 0);
        insist(put(from, text.data(), n, record.data()) == record.size());
        return record;
    }

    // What the host does with what has come.
    void read() {
        for (;;) {
            // With nothing behind it, so that a sanitizer sees who reads on.
            std::vector<uint8_t> there(line.begin(), line.end());
            Found const found = find(there.data(), there.size());
            if (found.what == Found::What::nonsense) return line.clear();
            if (found.what == Found::What::nothing_yet) {
                insist(found.whole <= record_max);
                insist(found.whole ? found.whole > there.size() : there.size() < head_size);
                return;
            }
            insist(found.whole <= there.size() && found.whole <= record_max);
            if (found.what == Found::What::text) {
                insist(found.length >= 1 && found.length <= text_max);
                uint64_t const next = host.opened;
                bool const is_next =
                    next < sent.size() && line.compare(0, found.whole, sent[next]) == 0;
                insist(take(host, there.data(), found, there.data()) == is_next);
                insist(host.opened == next + is_next);
                auto const expected = is_next ? static_cast<uint8_t>(next) : uint8_t{0};
                insist(std::all_of(there.data(), there.data() + found.length,
                    [&](uint8_t byte) { return byte == expected; }));
            } else {
                insist(found.length == salt_size);
            }
            line.erase(0, found.whole);
        }
    }
};

} // namespace

// Steps of four bytes: what to do, with what, two bytes of a length or place.
extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    if (!is_available()) return 0;
    Connection connection;
    Bytes& line = connection.line;
    constexpr size_t step_bytes = 4, steps_max = 200;
    for (size_t step = 0; size >= step_bytes && step < steps_max; ++step) {
        uint8_t const what = bytes[0], which = bytes[1];
        uint16_t place;
        std::memcpy(&place, bytes + 2, sizeof place);
        bytes += step_bytes, size -= step_bytes;
        switch (what % 7) {
        case 0: // what is meant to be
            connection.sent.push_back(Connection::sealed(connection.home, 1 + place % text_max));
            line += connection.sent.back();
            break;
        case 1: // again, or later
            if (!connection.sent.empty()) line += connection.sent[which % connection.sent.size()];
            break;
        case 2: // its own words
            line += Connection::sealed(connection.host, 1 + place % text_max);
            break;
        case 3: // changed
            if (!line.empty()) line[place % line.size()] ^= which;
            break;
        case 4: // cut out
            if (!line.empty()) line.erase(place % line.size(), which);
            break;
        case 5: { // made up
            size_t const n = std::min<size_t>(size, which);
            line.append(bytes, n);
            bytes += n, size -= n;
            break;
        }
        default:
            connection.read();
            break;
        }
    }
    connection.read();
    return 0;
}
