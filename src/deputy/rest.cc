// SPDX-License-Identifier: Apache-2.0
// Rest: a transfer that a move has cut off after a part is completed at home.
//
// Natively it would not have ended there: the kernel gives up a write to a pipe that waits for room
// when the thread is seized, and answers with what it has moved so far.
#include "deputy/deputy.hh"

#include "abi/x86_64/messages.hh"
#include "rt/memory.hh"

namespace rove::deputy {

namespace {

using rt::Vector;

constexpr uint64_t vectors_max = 64; // what is behind them is another part

/// The program's memory, which may have gone meanwhile.
bool read_memory(void* to, uint64_t from, uint64_t length) {
    Vector here{word(to), length}, there{from, length};
    return sys(310, control().pid, &here, 1, &there, 1, 0) ==
           static_cast<long>(length); // process_vm_readv
}

/// Entries behind the first `done` bytes; their number.
uint64_t rest_of_vector(uint64_t at, uint64_t count, uint64_t done, Vector (&rest)[vectors_max]) {
    uint64_t kept = 0;
    for (uint64_t i = 0; i < count && i < 1024 && kept < vectors_max; ++i) {
        Vector one;
        if (!read_memory(&one, at + i * sizeof one, sizeof one)) break;
        if (one.length <= done) {
            done -= one.length;
            continue;
        }
        rest[kept++] = {one.base + done, one.length - done};
        done = 0;
    }
    return kept;
}

} // namespace

long finish_transfer(uint32_t nr, rt::UserContext const& user, uint64_t done) {
    uint64_t args[6] = {user.rdi, user.rsi, user.rdx, user.r10, user.r8, user.r9};
    Vector rest[vectors_max];
    abi::MessageHeader message;
    switch (nr) {
    case 17:
    case 18:
        args[3] += done;
        [[fallthrough]]; // pread64, pwrite64
    case 0:
    case 1:
    case 44:
    case 45: // read, write, sendto, recvfrom
        args[1] += done;
        args[2] -= done;
        break;
    case 20: // writev
        args[2] = rest_of_vector(args[1], args[2], done, rest);
        args[1] = word(rest);
        if (args[2] == 0) return static_cast<long>(done);
        break;
    case 46: // sendmsg: what came with the first part has gone
        if (!read_memory(&message, args[1], sizeof message)) return static_cast<long>(done);
        message.vector_count = rest_of_vector(message.vector, message.vector_count, done, rest);
        message.vector = word(rest);
        message.control = message.control_length = 0;
        args[1] = word(&message);
        if (message.vector_count == 0) return static_cast<long>(done);
        break;
    default:
        return static_cast<long>(done);
    }
    long more = rove_syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
    return static_cast<long>(done) + (more > 0 ? more : 0);
}

} // namespace rove::deputy
