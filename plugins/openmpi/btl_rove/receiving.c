// SPDX-License-Identifier: Apache-2.0
// Receiving: one message at a time, into our room or to where the other rank puts it.
#include "btl_rove.h"

#include <errno.h>
#include <stdlib.h>

void rove_free_room(void) {
    rove_component* component = &mca_btl_rove_component;
    free(component->room);
    component->room = NULL;
    component->room_size = 0;
}

static bool make_room(size_t size) {
    rove_component* component = &mca_btl_rove_component;
    unsigned char* larger = realloc(component->room, size);
    if (!larger) return false;
    component->room = larger;
    component->room_size = size;
    return true;
}

static void deliver(unsigned char* message, size_t length) {
    rove_head head;
    memcpy(&head, message, sizeof head);
    if (head.tag >= MCA_BTL_TAG_MAX) return;
    mca_btl_base_segment_t segment = {
        .seg_addr = {.pval = message + sizeof head}, .seg_len = length - sizeof head};
    mca_btl_base_descriptor_t fragment = {.des_segments = &segment, .des_segment_count = 1};
    mca_btl_active_message_callback_t const* wanted =
        &mca_btl_base_active_message_trigger[head.tag];
    if (wanted->cbfunc) wanted->cbfunc(&mca_btl_rove_module, head.tag, &fragment, wanted->cbdata);
}

static void end_put(rove_peer* peer) {
    rove_component* component = &mca_btl_rove_component;
    peer->put_to = NULL;
    component->puts_coming--;
    if (component->coming == peer) component->coming = NULL;
}

// The bytes are received where they belong. False: they have not come yet.
static bool take_put(rove_peer* peer) {
    rove_filter const from = {.sender = &peer->address};
    size_t const wanted = peer->put_length;
    rove_letter letter;
    ssize_t const length =
        rove_receive(mca_btl_rove_component.box, &from, peer->put_to, wanted, &letter, 0, 0);
    if (length < 0 && errno != EMSGSIZE) return false;
    end_put(peer);
    if (length >= 0 && letter.kind == ROVE_GONE)
        rove_peer_has_ended(&letter.sender);
    else if (length != (ssize_t)wanted)
        rove_tell_error(peer);
    return true;
}

static void begin_put(unsigned char const* message, rove_address const* sender) {
    rove_component* component = &mca_btl_rove_component;
    rove_put_head put;
    memcpy(&put, message, sizeof put);
    rove_peer* peer = rove_find_peer(sender);
    if (!peer || peer->put_to || put.address == 0 || put.length == 0) return;
    peer->put_to = (void*)(uintptr_t)put.address;
    peer->put_length = put.length;
    component->puts_coming++;
    component->coming = peer;
    (void)take_put(peer);
}

// Whose bytes came while we looked for others'.
static bool is_put(rove_address const* sender, size_t length) {
    rove_component* component = &mca_btl_rove_component;
    rove_peer* peer = component->puts_coming > 0 ? rove_find_peer(sender) : NULL;
    if (!peer || !peer->put_to) return false;
    if (length == peer->put_length)
        memcpy(peer->put_to, component->room, length);
    else
        rove_tell_error(peer);
    end_put(peer);
    return true;
}

static void peer_has_ended(rove_address const* address) {
    rove_peer* peer = rove_find_peer(address);
    if (peer && peer->put_to) end_put(peer);
    rove_peer_has_ended(address);
}

// One message: Open MPI comes again, and what has come already waits in our own memory.
static int receive(void) {
    rove_component* component = &mca_btl_rove_component;
    if (component->coming && take_put(component->coming)) return 1;
    size_t const usual = sizeof(rove_head) + mca_btl_rove_module.btl_max_send_size;
    if (component->room_size == 0 && !make_room(usual)) return 0;
    rove_letter letter;
    ssize_t const got =
        rove_receive(component->box, NULL, component->room, component->room_size, &letter, 0, 0);
    if (got < 0) {
        // It is taken the next time. Other ranks may have larger fragments than we do.
        if (errno == EMSGSIZE) (void)make_room((size_t)letter.length);
        return 0;
    }
    size_t const length = (size_t)got;
    if (letter.kind == ROVE_GONE) {
        peer_has_ended(&letter.sender);
        return 0;
    }
    if (is_put(&letter.sender, length)) return 1;
    rove_head head;
    if (length < sizeof head) return 0;
    memcpy(&head, component->room, sizeof head);
    if (head.kind == ROVE_FRAGMENT)
        deliver(component->room, length);
    else if (head.kind == ROVE_PUT && length == sizeof(rove_put_head))
        begin_put(component->room, &letter.sender);
    return 1;
}

// To some of those for whom something was kept back; the others have their turn when these have got
// theirs. No peer ends while messages make progress.
static int send_kept_back(void) {
    enum { at_once = 32 };
    rove_component* component = &mca_btl_rove_component;
    rove_peer* waiting[at_once];
    size_t count = 0;
    rove_peer* peer;
    OPAL_THREAD_LOCK(&component->lock);
    OPAL_LIST_FOREACH(peer, &component->peers, rove_peer) {
        if (count < at_once && opal_list_get_size(&peer->kept_back) > 0) waiting[count++] = peer;
    }
    OPAL_THREAD_UNLOCK(&component->lock);
    int sent = 0;
    for (size_t i = 0; i < count; i++)
        sent += rove_send_kept_back(waiting[i], 0);
    return sent;
}

int rove_progress(void) {
    rove_component* component = &mca_btl_rove_component;
    // What we deliver may call progress, too, and so may other threads.
    if (!component->box || atomic_flag_test_and_set(&component->busy)) return 0;
    int events = receive();
    if (atomic_load_explicit(&component->kept_back, memory_order_relaxed) > 0)
        events += send_kept_back();
    atomic_flag_clear(&component->busy);
    return events;
}
