/* SPDX-License-Identifier: Apache-2.0
 * rove.h: mailboxes, the direct communication of processes that move, and wishes to be together.
 *
 * A mailbox has an address that follows its process wherever Rove moves it. Messages between two
 * mailboxes arrive in the order in which they were sent, exactly once, whole, also while either
 * process is moved. A program need not be started by `rove run` to use one; a daemon (roved) must
 * run on its node.
 *
 * Link with -lrove. Functions that fail return -1 (NULL where a pointer is returned) and set errno.
 * All may be called by several threads at once; rove_close() must be the last call on its mailbox.
 * Messages make way in calls of this library: what rove_send() could not hand to the kernel within
 * its time goes on its way in later calls, whichever they are.
 *
 * Times are in milliseconds, as for poll(2): -1 is without end, 0 does not wait. A wait that a
 * signal handler interrupts fails with EINTR.
 *
 * After fork(2) the mailbox is the parent's alone: in the child every call on it but rove_close()
 * fails with ECHILD, and the child opens its own. exec(2) and the end of a process close it. Whoever
 * has exchanged messages with it is told, see ROVE_GONE.
 */
#ifndef ROVE_H
#define ROVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ROVE_HOME_SIZE 64         /* of a node's name, with the 0 behind it */
#define ROVE_ADDRESS_TEXT_SIZE 96 /* of an address as text, with the 0 behind it */
#define ROVE_MESSAGE_MAX 134217728u /* bytes */

/* Names one mailbox for ever. Compare with rove_address_equal(). */
typedef struct rove_address {
    char home[ROVE_HOME_SIZE]; /* node where its process was started */
    int32_t process;           /* its PID there, as that node's daemon sees it */
    uint32_t reserved;         /* 0 */
    uint64_t incarnation;      /* no other mailbox of that node ever has the same */
} rove_address;

typedef struct rove_mailbox rove_mailbox;

/* rove_open(): letters of kind ROVE_GONE are wanted. */
#define ROVE_NOTICES 1u
/* rove_open(): the program asks again and again, with time 0, instead of waiting. Such a call then looks
 * only where something may be expected, and at the rest, home included, now and then. */
#define ROVE_POLLED 2u

/* Opens a mailbox of this process. A process may have several; the last one opened is the one that
 * rove_find() gives to others.
 * EHOSTDOWN: no daemon on this node, or it does not answer. EMFILE, ENOMEM. EUSERS: the user has
 * too many. EINVAL: unknown flags. */
rove_mailbox *rove_open(unsigned flags);

/* Sends what is not sent yet, for as long as that takes, and closes the mailbox. Letters that were
 * not received are dropped. It also happens at exit(3); at _exit(2), at exec and on a signal that
 * ends the process, what rove_send() has returned 0 for without a time limit arrives all the same. */
int rove_close(rove_mailbox *box);

void rove_own_address(const rove_mailbox *box, rove_address *own);
int rove_address_equal(const rove_address *a, const rove_address *b); /* 1 or 0 */
/* "n1:4711:8c12f0a955e1d203" and back. The text needs ROVE_ADDRESS_TEXT_SIZE bytes.
 * EINVAL: it is not an address. */
void rove_address_text(const rove_address *address, char *text);
int rove_address_parse(const char *text, rove_address *address);

/* The address of the mailbox that a process has opened last. home: NULL is this process's home.
 * ESRCH: there is none, or it may not be sent to. EHOSTUNREACH: its home cannot be reached.
 * ETIMEDOUT. */
int rove_find(
    rove_mailbox *box, const char *home, pid_t process, rove_address *found, int timeout_ms);

/* Sends one message of any length up to ROVE_MESSAGE_MAX, 0 included. Returns 0 when it has been
 * accepted; the bytes are the caller's again. It returns when the message has left the process, or
 * when the time is over and it has been accepted. The receiver may leave some 4 MB of a sender's
 * messages unread; a sender that is further ahead waits.
 * EAGAIN: not within this time (not sent). ESRCH: there is no such mailbox, it was closed or its
 * process has ended. EPERM: as for a signal, see kill(2). EMSGSIZE. EINTR: not sent. */
int rove_send(
    rove_mailbox *box, const rove_address *to, const void *bytes, size_t length, int timeout_ms);
/* The same with the message in parts; at most 64. */
int rove_sendv(rove_mailbox *box, const rove_address *to, const struct iovec *parts, int count,
    int timeout_ms);

/* Waits until all that was sent to this mailbox lies in it. ESRCH: it is gone, and something was
 * not taken. EAGAIN, EINTR. */
int rove_flush(rove_mailbox *box, const rove_address *to, int timeout_ms);

/* Which letter is wanted; zeros and NULLs are any. */
typedef struct rove_filter {
    const rove_address *sender;
    size_t length_min, length_max; /* bytes; length_max 0: any */
    const void *pattern;           /* these bytes stand at pattern_at in the message */
    size_t pattern_length, pattern_at;
} rove_filter;

/* Kinds of letters. */
#define ROVE_MESSAGE 0
#define ROVE_GONE 1 /* the sender's mailbox was closed or its process has ended; its last letter */

/* What is known of a letter. */
typedef struct rove_letter {
    rove_address sender;
    uint64_t length;      /* of the message, bytes */
    uint64_t undelivered; /* ROVE_GONE: our messages that it is not known to have taken */
    int32_t kind;
    int32_t reserved;
} rove_letter;

/* rove_receive(): the letter stays. */
#define ROVE_PEEK 1u

/* The oldest letter that fits the filter (NULL: any), others are left where they are. Its message is
 * put into bytes, and its length is returned; a letter of kind ROVE_GONE has 0 bytes. letter may be NULL.
 * EAGAIN: none within this time. EMSGSIZE: room is too small; letter->length tells how much is
 * wanted, and the letter stays. EINTR. EINVAL. After a failure bytes may hold anything. */
ssize_t rove_receive(rove_mailbox *box, const rove_filter *filter, void *bytes, size_t room,
    rove_letter *letter, unsigned flags, int timeout_ms);

/* A descriptor that is readable (poll, select, epoll) when a letter is there or something else has
 * come: then call rove_receive(), with time 0 perhaps, until it fails with EAGAIN. It belongs to
 * the mailbox; do nothing else with it. */
int rove_descriptor(rove_mailbox *box);

/* From now on this signal is sent to the process when something may have come; 0: no more. */
int rove_notify(rove_mailbox *box, int signal_number);

/* Wishes to be moved: of a process that will talk much with another one. A wish is one move, made at
 * once; later the process is moved like any other. It may do what its user may with `rove move`, also
 * if it was started by `rove run --stay`; who comes home for what is done there goes back afterwards.
 *
 * These functions return 0 when the process is where it is wanted (at once if it is there already),
 * or say why it is not moved; the caller goes on wherever it is then. What ran out of time, or was
 * interrupted, has been asked for and may be done later: time 0 asks, and does not wait for it. A
 * wish that is said twice moves nobody twice. A mailbox may have four at a time.
 *
 * ENOTSUP: who would have to move is no process of `rove run` or `rove adopt`, or something keeps it
 * at home (`rove explain` says what). EBUSY: not now: that node has no room or takes nobody, the
 * peer is on its way for too long, there are too many wishes, or the move failed. EPERM: its user may
 * not move it. EHOSTUNREACH: there is no such node, or it gives no answer. ETIMEDOUT. EINTR. */

/* Moves this process to a node: its name, "home" (or NULL) or "best". */
int rove_move_to_node(rove_mailbox *box, const char *node, int timeout_ms);

/* Moves this process to where the process with that mailbox is, and after it, some times, if that
 * goes elsewhere meanwhile. Of two that want to go to each other one does.
 * ESRCH: there is no such mailbox. EPERM: also if it may not be sent to. */
int rove_move_to(rove_mailbox *box, const rove_address *peer, int timeout_ms);

/* Moves the process with that mailbox to where this one is. Both must be of one user, or this one
 * root's. ESRCH: there is no such mailbox. */
int rove_invite(rove_mailbox *box, const rove_address *peer, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
