// SPDX-License-Identifier: Apache-2.0
// Row: what is known of one system call: who performs it and what its arguments point to.
//
// The table is rows.def; it is compiled once, into table.cc, as plain numbers: it is linked into
// blobs, where a pointer in a constant would need a relocation. Names are in names.cc (hosted).
#pragma once

#include <stdint.h>

namespace rove::syscalls {

/// Who performs a call of a program that is away. The zero value means: nobody thought about it.
enum class Who : uint8_t {
    unlisted = 0, // not in the table: the process goes home
    local,        // the host's kernel, no message
    forward,      // always the deputy
    by_fd,        // the deputy, unless the descriptor is one of the guest's own
    by_pid,       // the deputy, unless the process named is known to be served here
    special,      // guest or deputy do it by hand; the plan describes the memory if it is forwarded
    by_guest,     // guest, by hand; what it asks of the deputy for that has another form
    comes_home,   // the process goes home and does it there
    absent,       // the running kernel itself answers ENOSYS
};

/// What an argument is, and if it is a pointer, what it points to.
enum class Kind : uint8_t {
    none = 0,
    val,
    fd,
    pid,
    path,           // a string, as the kernel reads it: at most 4096 bytes
    strings,        // a null-terminated array of strings; see exec.hh
    in,             // buffers whose length is argument `n`
    out,            //   clipped by the result
    out_whole,      //   goes back whole
    in_stream,      // as `in`, of a call that may be continued when it is cut (write)
    out_stream,     // as `out`, the same (read)
    in_of,          // a struct of `size` bytes
    out_of,         //   goes back when the call succeeds
    out_of_nonzero, // goes back when the result is not 0
    inout_of,       //   goes back when the call succeeds
    inout_always,   //   goes back after errors, too, and need not be writable (remaining times)
    inout_on_error, // goes back after errors, too
    in_array,       // argument `n` elements of `size` bytes
    out_array,      //   as many go back as the result says
    inout_array,    //   all go back
    out_deref, // a buffer whose length is the socklen_t that argument `n` points to (that one is
               // inout_of)
    by_hand,   // in the first place of a row: the walker numbered `size` does the whole call
};

struct Argument {
    Kind kind = Kind::none;
    uint8_t n = 0;
    uint16_t size = 0;
};

struct Row {
    Who who = Who::unlisted;
    Argument args[6] = {};
};

/// One more than the highest number of the table; calls from here on are unlisted.
inline constexpr unsigned rows_max = 512;

/// Row of any number, known or not.
Row const& row_of(unsigned long nr);

/// Walkers written by hand, one file each in special/.
enum class Walker : uint16_t {
    none = 0,
    vector, // readv and its kin
    sendmsg,
    recvmsg,
    sendmmsg,
    recvmmsg,
    sockopt,
    ioctl,
    fcntl,
    select,
    clock, // by which clock
    itimer,
    sigevent, // timer_create, mq_notify
    mmap,
    clone,
    prctl,
    arch_prctl,
    personality,
    robust,
    scheduler,
    capability,
    mempolicy,
    sysv_control, // semctl, msgctl, shmctl
    sysv_message,
    keyctl,
    quotactl,
    mount,
    fsconfig,
    sysfs,
    file_handle,
    landlock,
    statmount, // and listmount
    lsm,
    xattrat,
};

/// By-hand rows that begin with a directory, or another descriptor of a path.
inline bool names_directory(Row const& row) {
    return row.args[0].kind == Kind::by_hand &&
           (row.args[0].size == static_cast<uint16_t>(Walker::file_handle) ||
               row.args[0].size == static_cast<uint16_t>(Walker::xattrat));
}

/// Is argument `n` of such a call a descriptor? (By-hand rows of by_fd calls have it in front.)
inline bool is_descriptor(Row const& row, unsigned n) {
    return row.args[n].kind == Kind::fd ||
           (n == 0 && row.who == Who::by_fd && row.args[0].kind == Kind::by_hand) ||
           (n == 0 && names_directory(row));
}

} // namespace rove::syscalls
