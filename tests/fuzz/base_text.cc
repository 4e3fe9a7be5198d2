// SPDX-License-Identifier: Apache-2.0
// Fuzz target: the readers of base/, for sizes, rates, durations, numbers and byte streams.
// uses: base
#include <cstdlib>

#include "base/bytes.hh"
#include "base/text.hh"
#include "base/units.hh"

using namespace rove;

namespace {
void expect(bool good) {
    if (!good) std::abort();
}

// What was printed is read back as about the same value: printing rounds to one digit.
void units(std::string_view text) {
    if (auto size = parse_size(text)) expect(parse_size(print_size(*size)).has_value());
    if (auto rate = parse_rate(text)) expect(parse_rate(print_rate(*rate)).has_value());
    if (auto time = parse_duration(text)) (void)print_duration(*time);
}

void stream(ByteView bytes) {
    ByteReader reader(bytes);
    while (!reader.done()) {
        auto step = reader.get<uint8_t>();
        size_t left = reader.left();
        bool good = true;
        switch (*step % 4) {
        case 0:
            good = reader.get<uint64_t>().has_value();
            break;
        case 1:
            good = reader.counted(100).has_value();
            break;
        case 2:
            good = reader.text(1 << 20).has_value();
            break;
        default:
            good = reader.bytes(*step).has_value();
            break;
        }
        expect(reader.left() <= left);
        if (!good) break;
    }
    (void)reader.finish();
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string_view text(reinterpret_cast<char const*>(bytes), size);
    units(text);
    (void)parse_number<int>(text);
    (void)parse_number<uint64_t>(text, 16);
    std::vector<std::string> parts;
    for (auto part : split(text, ','))
        parts.emplace_back(part);
    expect(join(parts, ",") == text);
    for (auto word : words(text))
        expect(!word.empty() && trim(word) == word);
    (void)lines(text);
    (void)printable(text);
    stream(ByteView(bytes, size));
    return 0;
}
