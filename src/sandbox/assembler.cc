// SPDX-License-Identifier: Apache-2.0
// Assembler: see assembler.hh.
#include "sandbox/assembler.hh"

#include <linux/seccomp.h>

#include "base/check.hh"

namespace rove::sandbox {

namespace {

// User addresses have 47 bits (56 with five-level tables, which then trap and are looked at by the
// runtime); below this bound the sum of two high words cannot overflow.
constexpr uint32_t high_word_bound = 0x8000;

constexpr uint32_t argument_low(int argument) {
    return offsetof(seccomp_data, args) + static_cast<uint32_t>(argument) * 8;
}

} // namespace

Assembler::Label Assembler::label() {
    labels_.push_back(-1);
    return static_cast<Label>(labels_.size() - 1);
}

void Assembler::bind(Label here) {
    CHECK(labels_[static_cast<size_t>(here)] < 0);
    labels_[static_cast<size_t>(here)] = static_cast<int>(code_.size());
}

void Assembler::emit(uint16_t operation, uint32_t value) {
    code_.push_back(sock_filter{operation, 0, 0, value});
}

void Assembler::branch(uint16_t operation, uint32_t value, Label when_true, Label when_false) {
    jumps_.push_back(Jump{code_.size(), when_true, when_false});
    emit(static_cast<uint16_t>(BPF_JMP | operation), value);
}

void Assembler::load_number() {
    emit(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
}
void Assembler::load_arch() {
    emit(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch));
}
void Assembler::load_ip_low() {
    emit(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, instruction_pointer));
}
void Assembler::load_ip_high() {
    emit(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, instruction_pointer) + 4);
}
void Assembler::load_low(int argument) {
    emit(BPF_LD | BPF_W | BPF_ABS, argument_low(argument));
}
void Assembler::load_high(int argument) {
    emit(BPF_LD | BPF_W | BPF_ABS, argument_low(argument) + 4);
}
void Assembler::mask(uint32_t bits) {
    emit(BPF_ALU | BPF_AND | BPF_K, bits);
}
void Assembler::ret(uint32_t verdict) {
    emit(BPF_RET | BPF_K, verdict);
}
void Assembler::jump(Label to) {
    branch(BPF_JA, 0, to, -1);
}

void Assembler::if_equal(uint32_t value, Label to) {
    branch(BPF_JEQ | BPF_K, value, to, -1);
}
void Assembler::if_not_equal(uint32_t value, Label to) {
    branch(BPF_JEQ | BPF_K, value, -1, to);
}
void Assembler::if_greater(uint32_t value, Label to) {
    branch(BPF_JGT | BPF_K, value, to, -1);
}
void Assembler::if_at_least(uint32_t value, Label to) {
    branch(BPF_JGE | BPF_K, value, to, -1);
}
void Assembler::if_any_bit(uint32_t bits, Label to) {
    branch(BPF_JSET | BPF_K, bits, to, -1);
}

void Assembler::if_not_zero(int argument, Label to) {
    load_low(argument);
    if_not_equal(0, to);
    load_high(argument);
    if_not_equal(0, to);
}

void Assembler::if_range_meets(
    int address, int length, uint64_t begin, uint64_t end, Label overlap) {
    auto begin_high = static_cast<uint32_t>(begin >> 32), begin_low = static_cast<uint32_t>(begin);
    auto end_high = static_cast<uint32_t>(end >> 32), end_low = static_cast<uint32_t>(end);
    Label no_carry = label(), added = label(), behind = label(), clear = label(), equal = label();

    // M[1] = low word of the sum, M[2] = carry.
    load_low(address);
    emit(BPF_MISC | BPF_TAX, 0);
    load_low(length);
    emit(BPF_ALU | BPF_ADD | BPF_X, 0);
    emit(BPF_ST, 1);
    branch(BPF_JGE | BPF_X, 0, no_carry, -1);
    emit(BPF_LD | BPF_IMM, 1);
    jump(added);
    bind(no_carry);
    emit(BPF_LD | BPF_IMM, 0);
    bind(added);
    emit(BPF_ST, 2);
    // A = high word of the sum.
    load_high(length);
    if_at_least(high_word_bound, overlap);
    emit(BPF_MISC | BPF_TAX, 0);
    load_high(address);
    if_at_least(high_word_bound, overlap);
    emit(BPF_ALU | BPF_ADD | BPF_X, 0);
    emit(BPF_MISC | BPF_TAX, 0);
    emit(BPF_LD | BPF_MEM, 2);
    emit(BPF_ALU | BPF_ADD | BPF_X, 0);
    // sum <= begin: the range lies before.
    if_greater(begin_high, behind);
    if_equal(begin_high, equal);
    jump(clear);
    bind(equal);
    emit(BPF_LD | BPF_MEM, 1);
    branch(BPF_JGT | BPF_K, begin_low, behind, clear);
    // address >= end: it lies behind.
    bind(behind);
    load_high(address);
    if_greater(end_high, clear);
    if_not_equal(end_high, overlap);
    load_low(address);
    branch(BPF_JGE | BPF_K, end_low, clear, overlap);
    bind(clear);
}

std::vector<sock_filter> Assembler::finish() {
    for (auto const& jump : jumps_) {
        auto distance = [&](Label to) -> uint32_t {
            if (to < 0) return 0;
            int target = labels_[static_cast<size_t>(to)];
            CHECK(target > static_cast<int>(jump.at));
            return static_cast<uint32_t>(target) - static_cast<uint32_t>(jump.at) - 1;
        };
        auto& instruction = code_[jump.at];
        if (BPF_OP(instruction.code) == BPF_JA) {
            instruction.k = distance(jump.when_true);
            continue;
        }
        CHECK(distance(jump.when_true) < 256 && distance(jump.when_false) < 256);
        instruction.jt = static_cast<uint8_t>(distance(jump.when_true));
        instruction.jf = static_cast<uint8_t>(distance(jump.when_false));
    }
    jumps_.clear();
    CHECK(code_.size() <= BPF_MAXINSNS);
    return std::move(code_);
}

} // namespace rove::sandbox
