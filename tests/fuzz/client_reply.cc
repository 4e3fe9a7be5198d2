// SPDX-License-Identifier: Apache-2.0
// Fuzz: a reply of the control API, in two pieces, as the command line takes it.
// uses: base client
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "client/control.hh"
#include "client/http.hh"

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* data, size_t size) {
    std::string_view const bytes(reinterpret_cast<char const*>(data), size);
    for (auto kind : {rove::client::Stream::no, rove::client::Stream::yes}) {
        rove::client::ReplyParser parser(kind);
        if (!parser.feed(bytes.substr(0, size / 2))) continue;
        if (!parser.feed(bytes.substr(size / 2))) continue;
        (void)parser.end();
        if (parser.has_header())
            (void)rove::client::understand(parser.status(), parser.take_body());
    }
    return 0;
}
