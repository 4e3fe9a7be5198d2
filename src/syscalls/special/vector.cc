// SPDX-License-Identifier: Apache-2.0
// Vector: readv, writev, preadv, pwritev, preadv2, pwritev2.
#include "abi/x86_64/numbers.hh"
#include "syscalls/builder.hh"

namespace rove::syscalls {

WALKER(vector) {
    Plan& plan = build.plan;
    bool const writes =
        plan.nr == abi::nr_writev || plan.nr == abi::nr_pwritev || plan.nr == abi::nr_pwritev2;
    bool const positioned = plan.nr != abi::nr_readv && plan.nr != abi::nr_writev;
    if (plan.args[2] == 0) {
        plan.args[1] = 0; // nothing is looked at
        return Verdict::forward;
    }
    int buffers;
    if (build.vector(argument(1), plan.args[1], plan.args[2],
            writes ? Direction::in : Direction::out, build.limits.done, buffers))
        plan.args[2] = 1;
    // preadv2 takes −1 for "at the file's own position".
    if (positioned && static_cast<int64_t>(plan.args[3]) >= 0) plan.args[3] += build.limits.done;
    return Verdict::forward;
}

} // namespace rove::syscalls
