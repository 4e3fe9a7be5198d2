// SPDX-License-Identifier: Apache-2.0
// Assembler: classic BPF for seccomp, with labels, and the 64-bit comparisons that it lacks.
//
// seccomp shows 64-bit arguments as two 32-bit words; every comparison of pointers and lengths in
// the filter goes through the functions here, which are tested against the running kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <linux/filter.h>

namespace rove::sandbox {

class Assembler {
public:
    using Label = int;

    Label label(); // a place that is bound later, always ahead of its jumps
    void bind(Label here);

    void load_number(); // A = the system call's number
    void load_arch();
    void load_ip_low();
    void load_ip_high();
    void load_low(int argument);
    void load_high(int argument);
    void mask(uint32_t bits); // A &= bits
    void ret(uint32_t verdict);
    void jump(Label to);

    // Each falls through when the condition does not hold.
    void if_equal(uint32_t value, Label to);
    void if_not_equal(uint32_t value, Label to);
    void if_greater(uint32_t value, Label to);
    void if_at_least(uint32_t value, Label to);
    void if_any_bit(uint32_t bits, Label to);

    // Jumps to `overlap` unless [argument, argument + length argument) is a proper range of user
    // addresses with no byte in [begin, end); falls through if it has none.
    void if_range_meets(int address, int length, uint64_t begin, uint64_t end, Label overlap);
    // Jumps to `to` unless the 64-bit argument is zero.
    void if_not_zero(int argument, Label to);

    // Resolves labels. CHECKs that every jump fits in eight bits or is unconditional.
    std::vector<sock_filter> finish();
    size_t size() const { return code_.size(); }

private:
    void emit(uint16_t operation, uint32_t value);
    void branch(uint16_t operation, uint32_t value, Label when_true, Label when_false);

    struct Jump {
        size_t at;
        Label when_true, when_false; // -1: the next instruction
    };
    std::vector<sock_filter> code_;
    std::vector<Jump> jumps_;
    std::vector<int> labels_;
};

} // namespace rove::sandbox
