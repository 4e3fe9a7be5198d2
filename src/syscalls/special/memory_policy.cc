// SPDX-License-Identifier: Apache-2.0
// Memory policy: sets of NUMA nodes, whose length is a number of bits.
//
// A thread's policy is its deputy's: what it sets it reads again, and it holds for memory at home.
// Where pages of the program lie can only be asked, or changed, where they are home's.
#include "abi/x86_64/numbers.hh"
#include "syscalls/builder.hh"

namespace rove::syscalls {

namespace {

/// The kernel takes one bit less than it is told, in whole words; sets longer than a page are
/// EINVAL.
uint64_t set_bytes(uint64_t bits) {
    constexpr uint64_t page = 4096, word_bits = 64;
    uint64_t bytes = bits == 0 ? 0 : (bits - 1 + word_bits - 1) / word_bits * sizeof(uint64_t);
    return bytes > page ? 0 : bytes;
}

} // namespace

/// get_mempolicy(mode, nodes, bits, address, flags) and set_mempolicy(mode, nodes, bits).
WALKER(mempolicy) {
    Plan& plan = build.plan;
    if (plan.nr == abi::nr_set_mempolicy) {
        build.in(argument(1), plan.args[1], set_bytes(plan.args[2]));
        return Verdict::forward;
    }
    constexpr uint64_t of_address = 2; // MPOL_F_ADDR
    if ((plan.args[4] & of_address) != 0) return Verdict::comes_home;
    // The mode is stored before the set may fail.
    build.inout(argument(0), plan.args[0], sizeof(int), flag_on_error);
    build.out(argument(1), plan.args[1], set_bytes(plan.args[2]));
    return Verdict::forward;
}

} // namespace rove::syscalls
