// SPDX-License-Identifier: Apache-2.0
// Random: see random.hh.
#include "sys/random.hh"

#include <sys/random.h>

namespace rove::sys {

Result<std::string> random_bytes(size_t count) {
    std::string bytes(count, '\0');
    // More than 256 bytes may come in parts.
    for (size_t have = 0; have < count;) {
        ssize_t got = ::getrandom(bytes.data() + have, count - have, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return fail(errno, "the system gives no random bytes");
        have += static_cast<size_t>(got);
    }
    return bytes;
}

} // namespace rove::sys
