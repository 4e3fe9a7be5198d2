// SPDX-License-Identifier: Apache-2.0
// Sending: fragments go into the mailbox, or are kept back until it takes them.
#include "btl_rove.h"

#include <errno.h>
#include <stdlib.h>

#include "opal/datatype/opal_convertor.h"
#include "opal/mca/btl/base/base.h"

static rove_fragment* make_fragment(size_t size, uint8_t order, uint32_t flags) {
    rove_fragment* fragment = malloc(sizeof *fragment + size);
    if (!fragment) return NULL;
    OBJ_CONSTRUCT(&fragment->super, mca_btl_base_descriptor_t);
    fragment->segments[0].seg_addr.pval = fragment->bytes;
    fragment->segments[0].seg_len = size;
    fragment->super.des_segments = fragment->segments;
    fragment->super.des_segment_count = 1;
    fragment->super.des_flags = flags;
    fragment->super.des_cbfunc = NULL;
    fragment->super.order = order;
    return fragment;
}

mca_btl_base_descriptor_t* rove_alloc(
    mca_btl_base_module_t* module, rove_peer* peer, uint8_t order, size_t size, uint32_t flags) {
    (void)module, (void)peer;
    rove_fragment* fragment = make_fragment(size, order, flags);
    return fragment ? &fragment->super : NULL;
}

int rove_free(mca_btl_base_module_t* module, mca_btl_base_descriptor_t* descriptor) {
    (void)module;
    OBJ_DESTRUCT(descriptor);
    free(descriptor);
    return OPAL_SUCCESS;
}

mca_btl_base_descriptor_t* rove_prepare_src(mca_btl_base_module_t* module, rove_peer* peer,
    struct opal_convertor_t* convertor, uint8_t order, size_t reserve, size_t* size,
    uint32_t flags) {
    (void)peer;
    if (reserve + *size > module->btl_max_send_size) *size = module->btl_max_send_size - reserve;
    bool const stays = !opal_convertor_need_buffers(convertor);
    rove_fragment* fragment = make_fragment(stays ? reserve : reserve + *size, order, flags);
    if (!fragment) return NULL;
    // Without an address the convertor says where the bytes lie.
    struct iovec part = {stays ? NULL : fragment->bytes + reserve, *size};
    uint32_t parts = 1;
    if (opal_convertor_pack(convertor, &part, &parts, size) < 0) {
        (void)rove_free(module, &fragment->super);
        return NULL;
    }
    if (stays) {
        fragment->segments[1].seg_addr.pval = part.iov_base;
        fragment->segments[1].seg_len = *size;
        fragment->super.des_segment_count = 2;
    } else {
        fragment->segments[0].seg_len = reserve + *size;
    }
    return &fragment->super;
}

static int post(rove_peer* peer, rove_fragment* fragment, int timeout_ms) {
    struct iovec parts[3] = {{&fragment->head, sizeof fragment->head}};
    size_t const count = fragment->super.des_segment_count;
    for (size_t i = 0; i < count; i++)
        parts[i + 1] =
            (struct iovec){fragment->segments[i].seg_addr.pval, fragment->segments[i].seg_len};
    return rove_sendv(
        mca_btl_rove_component.box, &peer->address, parts, (int)count + 1, timeout_ms);
}

static bool may_come_later(int code) {
    return code == EAGAIN || code == EINTR || code == ENOMEM;
}

// Open MPI is told if it has been promised that, or wants it.
static void complete(rove_peer* peer, rove_fragment* fragment, int status) {
    mca_btl_base_descriptor_t* descriptor = &fragment->super;
    bool const ours = (descriptor->des_flags & MCA_BTL_DES_FLAGS_BTL_OWNERSHIP) != 0;
    if ((descriptor->des_flags & MCA_BTL_DES_SEND_ALWAYS_CALLBACK) != 0 && descriptor->des_cbfunc)
        descriptor->des_cbfunc(&mca_btl_rove_module, peer, descriptor, status);
    if (ours) (void)rove_free(&mca_btl_rove_module, descriptor);
}

static void keep_back(rove_peer* peer, rove_fragment* fragment) {
    rove_component* component = &mca_btl_rove_component;
    fragment->super.des_flags |= MCA_BTL_DES_SEND_ALWAYS_CALLBACK;
    OPAL_THREAD_LOCK(&component->lock);
    opal_list_append(&peer->kept_back, &fragment->super.super.super);
    atomic_fetch_add(&component->kept_back, 1);
    OPAL_THREAD_UNLOCK(&component->lock);
}

static rove_fragment* take_kept_back(rove_peer* peer) {
    rove_component* component = &mca_btl_rove_component;
    OPAL_THREAD_LOCK(&component->lock);
    rove_fragment* first = (rove_fragment*)opal_list_remove_first(&peer->kept_back);
    if (first) atomic_fetch_sub(&component->kept_back, 1);
    OPAL_THREAD_UNLOCK(&component->lock);
    return first;
}

static void put_back(rove_peer* peer, rove_fragment* fragment) {
    rove_component* component = &mca_btl_rove_component;
    OPAL_THREAD_LOCK(&component->lock);
    opal_list_prepend(&peer->kept_back, &fragment->super.super.super);
    atomic_fetch_add(&component->kept_back, 1);
    OPAL_THREAD_UNLOCK(&component->lock);
}

int rove_send_kept_back(rove_peer* peer, int timeout_ms) {
    int sent = 0;
    for (rove_fragment* first; (first = take_kept_back(peer)) != NULL; sent++) {
        if (post(peer, first, timeout_ms) == 0) {
            complete(peer, first, OPAL_SUCCESS);
            continue;
        }
        if (may_come_later(errno)) {
            put_back(peer, first);
            break;
        }
        complete(peer, first, OPAL_ERR_UNREACH);
        rove_tell_error(peer);
    }
    return sent;
}

void rove_drop_kept_back(rove_peer* peer) {
    for (rove_fragment* first; (first = take_kept_back(peer)) != NULL;)
        complete(peer, first, OPAL_ERR_UNREACH);
}

// Fragments of a pair need no order among each other for Open MPI, but what comes later should
// not take the room for which others wait.
static bool waits_behind_others(rove_peer* peer) {
    return atomic_load_explicit(&mca_btl_rove_component.kept_back, memory_order_relaxed) > 0 &&
           !opal_list_is_empty(&peer->kept_back);
}

int rove_btl_send(mca_btl_base_module_t* module, rove_peer* peer,
    mca_btl_base_descriptor_t* descriptor, mca_btl_base_tag_t tag) {
    (void)module;
    rove_fragment* fragment = (rove_fragment*)descriptor;
    fragment->head = (rove_head){.tag = tag};
    if (peer->gone) return OPAL_ERR_UNREACH;
    if (!waits_behind_others(peer)) {
        if (post(peer, fragment, 0) == 0) {
            complete(peer, fragment, OPAL_SUCCESS);
            return 1;
        }
        if (!may_come_later(errno)) {
            rove_tell_error(peer);
            return OPAL_ERR_UNREACH;
        }
    }
    keep_back(peer, fragment);
    return 0;
}

// Short ones need no fragment.
int rove_sendi(mca_btl_base_module_t* module, rove_peer* peer, struct opal_convertor_t* convertor,
    void* header, size_t header_size, size_t payload_size, uint8_t order, uint32_t flags,
    mca_btl_base_tag_t tag, mca_btl_base_descriptor_t** descriptor) {
    enum { short_one = 1024 };
    unsigned char message[sizeof(rove_head) + short_one];
    size_t const size = header_size + payload_size;
    if (descriptor) *descriptor = NULL;
    if (size > short_one || peer->gone || waits_behind_others(peer)) {
        if (descriptor) *descriptor = rove_alloc(module, peer, order, size, flags);
        return OPAL_ERR_RESOURCE_BUSY;
    }
    rove_head const head = {.tag = tag};
    memcpy(message, &head, sizeof head);
    memcpy(message + sizeof head, header, header_size);
    if (payload_size > 0) {
        struct iovec part = {message + sizeof head + header_size, payload_size};
        uint32_t parts = 1;
        size_t packed = payload_size;
        (void)opal_convertor_pack(convertor, &part, &parts, &packed);
    }
    if (rove_send(mca_btl_rove_component.box, &peer->address, message, sizeof head + size, 0) == 0)
        return OPAL_SUCCESS;
    if (descriptor) *descriptor = rove_alloc(module, peer, order, size, flags);
    return OPAL_ERR_RESOURCE_BUSY;
}
