// SPDX-License-Identifier: Apache-2.0
// Round trip: from the kernel's header, which knows more fields than the C library's and cannot be
// included beside it.
#include "sys/round_trip.hh"

#include <linux/in.h>
#include <linux/tcp.h>

#include <cerrno>
#include <cstddef>

extern "C" int getsockopt(int, int, int, void*, unsigned*) noexcept;

namespace rove::sys {

Result<Nanos> shortest_round_trip(int fd) {
    tcp_info known{};
    unsigned length = sizeof known;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &known, &length) != 0)
        return fail(errno, "cannot ask a connection for its round trip");
    constexpr unsigned needed = offsetof(tcp_info, tcpi_min_rtt) + sizeof known.tcpi_min_rtt;
    if (length < needed || known.tcpi_min_rtt == 0 || known.tcpi_min_rtt == ~0u)
        return deny(ENODATA, "its round trip was not measured yet");
    return std::chrono::microseconds(known.tcpi_min_rtt);
}

} // namespace rove::sys
