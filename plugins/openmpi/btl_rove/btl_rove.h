// SPDX-License-Identifier: Apache-2.0
// BTL rove: Open MPI's byte transfer layer over mailboxes, so that the messages of ranks go from
// where the one runs to where the other runs, and not through the sockets of their home.
//
// A fragment is one message between two mailboxes: a head that says whom it is for, and the
// fragment's segments. What is put into the other's memory is two messages: a head that says where
// to, and the bytes alone, so that they can be received where they belong. Mailboxes keep the order
// of a pair, lose nothing and follow their processes, so all that is left to do here is to keep
// back what a mailbox does not take yet. Nothing blocks: Open MPI calls progress() again and again.
#pragma once

#include "opal_config.h"

#include <rove.h>
#include <stdatomic.h>

#include "opal/class/opal_list.h"
#include "opal/mca/btl/btl.h"
#include "opal/threads/mutex.h"
#include "opal/util/proc.h"

// What each message begins with. APPEND ONLY: ranks of one job may have other versions of this.
typedef struct rove_head {
    uint8_t tag; // Open MPI's: which of its layers the fragment is for
    uint8_t kind;
    uint8_t reserved[6];
} rove_head;

enum { ROVE_FRAGMENT = 0, ROVE_PUT = 1 }; // kinds of heads

// All of a message of kind ROVE_PUT. The next message from the same rank is the bytes.
typedef struct rove_put_head {
    rove_head head;
    uint64_t address, length;
} rove_put_head;

// Another rank.
struct mca_btl_base_endpoint_t {
    opal_list_item_t super;
    rove_address address;
    opal_proc_t* proc;
    opal_mutex_t sending;  // held while something is sent to it
    opal_list_t kept_back; // fragments, in their order; under `sending`
    bool gone;
    // Its next message belongs there; NULL: that is an ordinary one. Of who is in progress().
    void* put_to;
    size_t put_length;
};
typedef struct mca_btl_base_endpoint_t rove_peer;
OBJ_CLASS_DECLARATION(rove_peer);

// Segments: what lies in `bytes`, and what stays where the program has it.
typedef struct rove_fragment {
    mca_btl_base_descriptor_t super;
    mca_btl_base_segment_t segments[2];
    rove_head head;
    // Of a put: its only segment is sent behind this head.
    rove_put_head put;
    bool put_head_is_sent;
    mca_btl_base_rdma_completion_fn_t put_done; // NULL: it is none
    void *put_context, *put_argument;
    unsigned char bytes[];
} rove_fragment;

typedef struct rove_component {
    mca_btl_base_component_t super;
    rove_mailbox* box; // NULL: this process has none
    mca_btl_base_module_error_cb_fn_t tell_error;
    opal_mutex_t lock; // of the list
    opal_list_t peers;
    atomic_int kept_back; // fragments, of all peers
    atomic_flag busy;     // somebody is in progress()
    unsigned char* room;  // for what is received, by who is in progress()
    size_t room_size;
    int puts_coming;   // peers with a put_to, by who is in progress()
    rove_peer* coming; // the last of them; NULL: it has come
} rove_component;

extern rove_component mca_btl_rove_component;
extern mca_btl_base_module_t mca_btl_rove_module;

// receiving.c
int rove_progress(void);
void rove_free_room(void);

// peers.c
int rove_add_procs(mca_btl_base_module_t* module, size_t count, opal_proc_t** procs,
    rove_peer** peers, opal_bitmap_t* reachable);
int rove_del_procs(
    mca_btl_base_module_t* module, size_t count, opal_proc_t** procs, rove_peer** peers);
void rove_forget_peers(void);
rove_peer* rove_find_peer(rove_address const* address); // NULL: there is none
// That mailbox is no more. What was kept back for it fails.
void rove_peer_has_ended(rove_address const* address);
// Tells Open MPI, which ends the job.
void rove_tell_error(rove_peer* peer);

// sending.c
mca_btl_base_descriptor_t* rove_alloc(
    mca_btl_base_module_t* module, rove_peer* peer, uint8_t order, size_t size, uint32_t flags);
int rove_free(mca_btl_base_module_t* module, mca_btl_base_descriptor_t* descriptor);
mca_btl_base_descriptor_t* rove_prepare_src(mca_btl_base_module_t* module, rove_peer* peer,
    struct opal_convertor_t* convertor, uint8_t order, size_t reserve, size_t* size,
    uint32_t flags);
int rove_btl_send(mca_btl_base_module_t* module, rove_peer* peer,
    mca_btl_base_descriptor_t* descriptor, mca_btl_base_tag_t tag);
int rove_sendi(mca_btl_base_module_t* module, rove_peer* peer, struct opal_convertor_t* convertor,
    void* header, size_t header_size, size_t payload_size, uint8_t order, uint32_t flags,
    mca_btl_base_tag_t tag, mca_btl_base_descriptor_t** descriptor);
int rove_btl_put(mca_btl_base_module_t* module, rove_peer* peer, void* from, uint64_t to,
    mca_btl_base_registration_handle_t* from_handle, mca_btl_base_registration_handle_t* to_handle,
    size_t size, int flags, int order, mca_btl_base_rdma_completion_fn_t done, void* context,
    void* argument);
// Sends of what is kept back as much as its mailbox takes within that time; how many fragments.
int rove_send_kept_back(rove_peer* peer, int timeout_ms);
// Ends what is kept back, with an error.
void rove_drop_kept_back(rove_peer* peer);
