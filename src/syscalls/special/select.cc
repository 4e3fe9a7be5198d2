// SPDX-License-Identifier: Apache-2.0
// Select and pselect6: sets as long as the highest descriptor says; a mask behind a pair.
#include "abi/x86_64/numbers.hh"
#include "syscalls/builder.hh"

namespace rove::syscalls {

WALKER(select) {
    Plan& plan = build.plan;
    auto const highest = static_cast<int32_t>(plan.args[0]);
    // The kernel looks at no more than the table of descriptors holds: programs that ask for more
    // than an fd_set has room for are natively right as long as that table is small.
    constexpr uint64_t fd_set_bytes = 128, table_min = 8;
    uint64_t const bytes = highest > 0 ? (static_cast<uint64_t>(highest) + 63) / 64 * 8 : 0;
    for (unsigned i = 1; i <= 3; ++i) {
        if (bytes > build.plan.bytes_max) {
            build.hole(argument(i));
            continue;
        }
        int const made = build.inout(argument(i), plan.args[i], bytes);
        if (made >= 0 && bytes > fd_set_bytes && build.segment(made).valid >= table_min)
            build.segment(made).flags = flag_zeros;
    }
    build.inout(argument(4), plan.args[4], 16, flag_on_error | flag_forgiving);
    if (plan.nr != abi::nr_pselect6 || plan.args[5] == 0) return Verdict::forward;

    struct MaskPair {
        uint64_t mask, size;
    };
    auto* const pair = static_cast<MaskPair*>(build.local(sizeof(MaskPair)));
    if (!pair || !build.read_or_hole(argument(5), pair, plan.args[5], sizeof *pair))
        return Verdict::forward;
    int const index = build.in(argument(5), reinterpret_cast<uint64_t>(pair), sizeof *pair);
    build.in(inside(index, 0), pair->mask, 8);
    return Verdict::forward;
}

} // namespace rove::syscalls
