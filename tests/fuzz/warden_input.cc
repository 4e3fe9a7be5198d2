// SPDX-License-Identifier: Apache-2.0
// Fuzz target: what a warden is told: hellos by anybody, layouts by a home.
// uses: base sys image warden/landing warden/mapping
#include <cstdlib>
#include <cstring>

#include "warden/landing.hh"
#include "warden/mapping.hh"

using namespace rove;

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string_view text(reinterpret_cast<char const*>(bytes), size);
    wire::Hello hello;
    if (size >= sizeof hello) {
        std::memcpy(&hello, bytes, sizeof hello);
        std::string token(16, 't');
        bool same = std::memcmp(hello.token, token.data(), token.size()) == 0;
        if (warden::check_token(hello, token) != same) std::abort();
        (void)warden::check_version(hello);
    }
    constexpr uint64_t region = 0x200000000000;
    auto prepare = wire::decode<wire::Prepare>(text);
    auto layout = prepare ? std::optional(prepare->layout) : wire::decode<wire::Layout>(text);
    if (!layout || !warden::check_layout(*layout, region)) return 0;
    // A layout that passed makes calls that stay out of the region, from nothing and back.
    auto writable = warden::writable_where_present(layout->vmas, layout->present);
    for (auto const& calls : {warden::mapping_calls({}, writable, [](uint32_t) { return 20; }),
             warden::mapping_calls(writable, layout->vmas, [](uint32_t) { return 20; }),
             warden::mapping_calls(layout->vmas, {}, [](uint32_t) { return 20; })})
        for (auto const& call : calls)
            if (call.args[0] < region + wire::region_size && call.args[0] + call.args[1] > region)
                std::abort();
    (void)warden::populate_batches(layout->present);
    return 0;
}
