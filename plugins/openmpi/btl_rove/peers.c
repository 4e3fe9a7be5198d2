// SPDX-License-Identifier: Apache-2.0
// Peers: the other ranks that have a mailbox. With those that have none Open MPI talks by what
// comes after us, which is tcp.
#include "btl_rove.h"

#include <stdlib.h>

#include "opal/class/opal_bitmap.h"
#include "opal/mca/pmix/pmix.h"
#include "opal/util/proc.h"

static void make_peer(rove_peer* peer) {
    OBJ_CONSTRUCT(&peer->sending, opal_mutex_t);
    OBJ_CONSTRUCT(&peer->kept_back, opal_list_t);
    peer->gone = false;
    peer->put_to = NULL;
}

static void end_peer(rove_peer* peer) {
    OBJ_DESTRUCT(&peer->kept_back);
    OBJ_DESTRUCT(&peer->sending);
}

OBJ_CLASS_INSTANCE(rove_peer, opal_list_item_t, make_peer, end_peer);

static bool find_address(opal_proc_t const* proc, rove_address* address) {
    uint8_t* text = NULL;
    size_t length = 0;
    int done;
    OPAL_MODEX_RECV(
        done, &mca_btl_rove_component.super.btl_version, &proc->proc_name, &text, &length);
    bool const found = done == OPAL_SUCCESS && text && length > 0 && text[length - 1] == 0 &&
                       rove_address_parse((char const*)text, address) == 0;
    free(text);
    return found;
}

int rove_add_procs(mca_btl_base_module_t* module, size_t count, opal_proc_t** procs,
    rove_peer** peers, opal_bitmap_t* reachable) {
    (void)module;
    rove_component* component = &mca_btl_rove_component;
    for (size_t i = 0; i < count; i++) {
        rove_address address;
        peers[i] = NULL;
        if (procs[i] == opal_proc_local_get() || !find_address(procs[i], &address)) continue;
        rove_peer* peer = OBJ_NEW(rove_peer);
        if (!peer) return OPAL_ERR_OUT_OF_RESOURCE;
        peer->address = address;
        peer->proc = procs[i];
        OPAL_THREAD_LOCK(&component->lock);
        opal_list_append(&component->peers, &peer->super);
        OPAL_THREAD_UNLOCK(&component->lock);
        peers[i] = peer;
        if (reachable) opal_bitmap_set_bit(reachable, (int)i);
    }
    return OPAL_SUCCESS;
}

// Open MPI says of the same peer that it is to be removed as one to send to, and then again as one
// to put something to. So peers are kept until we are closed; one that comes back is a new one.
int rove_del_procs(
    mca_btl_base_module_t* module, size_t count, opal_proc_t** procs, rove_peer** peers) {
    (void)module, (void)procs;
    enum { patience_ms = 10000 }; // with who does not read any more
    for (size_t i = 0; i < count; i++) {
        if (!peers[i]) continue;
        (void)rove_send_kept_back(peers[i], patience_ms);
        rove_drop_kept_back(peers[i]);
    }
    return OPAL_SUCCESS;
}

rove_peer* rove_find_peer(rove_address const* address) {
    rove_component* component = &mca_btl_rove_component;
    rove_peer* peer;
    rove_peer* found = NULL;
    OPAL_THREAD_LOCK(&component->lock);
    OPAL_LIST_FOREACH(peer, &component->peers, rove_peer)
    if (rove_address_equal(&peer->address, address)) found = peer;
    OPAL_THREAD_UNLOCK(&component->lock);
    return found;
}

void rove_forget_peers(void) {
    rove_component* component = &mca_btl_rove_component;
    for (opal_list_item_t* peer; (peer = opal_list_remove_first(&component->peers)) != NULL;)
        OBJ_RELEASE(peer);
}

void rove_peer_has_ended(rove_address const* address) {
    rove_peer* ended = rove_find_peer(address);
    if (!ended) return;
    OPAL_THREAD_LOCK(&ended->sending);
    bool const missed = !opal_list_is_empty(&ended->kept_back);
    ended->gone = true;
    OPAL_THREAD_UNLOCK(&ended->sending);
    // A rank that has nothing to hear any more may end, and mpirun sees to one that should not.
    if (!missed) return;
    rove_drop_kept_back(ended);
    rove_tell_error(ended);
}

void rove_tell_error(rove_peer* peer) {
    mca_btl_base_module_error_cb_fn_t const tell = mca_btl_rove_component.tell_error;
    if (tell)
        tell(&mca_btl_rove_module, MCA_BTL_ERROR_FLAGS_FATAL, peer->proc,
            "a rank has ended to which there was something to be sent");
}
