// SPDX-License-Identifier: Apache-2.0
// Fuzz target: call frames, both ways: what a deputy takes for a call, and a guest for its reply.
// uses: syscalls
#include "syscalls/testing/hostile.hh"

using namespace rove::syscalls::testing;

// The first byte says which; the next eight are the result that the call is said to have had.
extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    if (size < 9) return 0;
    long result;
    memcpy(&result, bytes + 1, sizeof result);
    std::vector<uint8_t> const body(bytes + 9, bytes + size);
    if (bytes[0] % 2 == 0)
        (void)receive_call(body, result);
    else
        (void)receive_reply(body);
    return 0;
}
