// SPDX-License-Identifier: Apache-2.0
// System V: control calls by command, and messages, whose type stands before their text.
#include "abi/x86_64/numbers.hh"
#include "syscalls/builder.hh"

#include <linux/ipc.h>
#include <linux/msg.h>
#include <linux/sem.h>
#include <linux/shm.h>

namespace rove::syscalls {

namespace {

constexpr uint32_t sem_stat_any = 20, msg_stat_any = 13, shm_stat_any = 15;
constexpr uint64_t semid_bytes = 104, msqid_bytes = 120, shmid_bytes = 112;

/// The number of semaphores of a set decides how long GETALL's and SETALL's arrays are; only home
/// knows it.
Verdict walk_semaphores(Builder& build) {
    Plan& plan = build.plan;
    uint64_t const address = plan.args[3];
    switch (static_cast<uint32_t>(plan.args[2])) {
    case IPC_STAT:
    case SEM_STAT:
    case sem_stat_any:
        build.out(argument(3), address, semid_bytes);
        return Verdict::forward;
    case IPC_SET:
        build.in(argument(3), address, semid_bytes);
        return Verdict::forward;
    case IPC_INFO:
    case SEM_INFO:
        build.out(argument(3), address, sizeof(seminfo));
        return Verdict::forward;
    case IPC_RMID:
    case SETVAL:
    case GETVAL:
    case GETPID:
    case GETNCNT:
    case GETZCNT:
        return Verdict::forward;
    default:
        return Verdict::comes_home;
    }
}

} // namespace

WALKER(sysv_control) {
    Plan& plan = build.plan;
    if (plan.nr == abi::nr_semctl) return walk_semaphores(build);
    bool const messages = plan.nr == abi::nr_msgctl;
    uint64_t const bytes = messages ? msqid_bytes : shmid_bytes;
    uint64_t const address = plan.args[2];
    auto const command = static_cast<uint32_t>(plan.args[1]);
    if (command == IPC_RMID || (!messages && (command == SHM_LOCK || command == SHM_UNLOCK)))
        return Verdict::forward;
    if (command == IPC_SET)
        build.in(argument(2), address, bytes);
    else if (command == IPC_STAT ||
             command == (messages ? uint32_t{MSG_STAT} : uint32_t{SHM_STAT}) ||
             command == (messages ? msg_stat_any : shm_stat_any))
        build.out(argument(2), address, bytes);
    else if (command == IPC_INFO)
        build.out(argument(2), address, messages ? sizeof(msginfo) : sizeof(shminfo));
    else if (command == (messages ? uint32_t{MSG_INFO} : uint32_t{SHM_INFO}))
        build.out(argument(2), address, messages ? sizeof(msginfo) : sizeof(shm_info));
    else
        return Verdict::comes_home;
    return Verdict::forward;
}

/// msgsnd(queue, message, size, flags) and msgrcv(queue, message, size, type, flags): 8 bytes of
/// type, then `size` of text.
WALKER(sysv_message) {
    Plan& plan = build.plan;
    constexpr uint64_t type_bytes = 8;
    uint64_t const address = plan.args[1], size = plan.args[2];
    if (address == 0) return Verdict::forward;
    if (size > transfer_max) {
        build.hole(argument(1));
        return Verdict::forward;
    }
    if (plan.nr == abi::nr_msgsnd) {
        build.in(argument(1), address, type_bytes + size);
        return Verdict::forward;
    }
    if (build.user.writable(address, type_bytes) != type_bytes) {
        build.hole(argument(1));
        return Verdict::forward;
    }
    int const space = build.space(argument(1), type_bytes + size);
    if (space >= 0) {
        build.view(space, 0, address, type_bytes);
        build.view(
            space, type_bytes, address + type_bytes, static_cast<uint32_t>(size), Clip::by_result);
    }
    return Verdict::forward;
}

} // namespace rove::syscalls
