// SPDX-License-Identifier: Apache-2.0
// Filter: the seccomp program of a guest.
//
// The instruction pointer tells two kinds of callers apart. The program's own text may natively do
// what touches nothing but its own memory and time; everything else traps into the runtime. The
// runtime's text may do exactly what the runtime needs, and since a program can jump into it, all
// of that is harmless to the host as well: memory outside of the region, its own threads and
// children, the links.
#pragma once

#include <cstdint>
#include <vector>

#include <linux/filter.h>

namespace rove::sandbox {

struct FilterPlan {
    uint64_t region = 0, region_size = 0;   // no call changes mappings in here
    uint64_t text_begin = 0, text_size = 0; // the runtime's text
    int32_t fd_first = 0;                   // no descriptor below is the runtime's
    int32_t service_fd = -1;                // the one that descriptors may arrive on
    bool host_wall_clock = true;            // the program may read it without the runtime
};

std::vector<sock_filter> guest_filter(FilterPlan const& plan);

} // namespace rove::sandbox
