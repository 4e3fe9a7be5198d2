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
    fragment->put_head_is_sent = false;
    fragment->put_done = NULL;
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

// The bytes of a put come right behind their head, for whoever else sends to this rank waits.
static int post_put(rove_peer* peer, rove_fragment* fragment, int timeout_ms) {
    rove_mailbox* box = mca_btl_rove_component.box;
    mca_btl_base_segment_t const* bytes = &fragment->segments[0];
    if (!fragment->put_head_is_sent &&
        rove_send(box, &peer->address, &fragment->put, sizeof fragment->put, timeout_ms) != 0)
        return -1;
    fragment->put_head_is_sent = true;
    return rove_send(box, &peer->address, bytes->seg_addr.pval, bytes->seg_len, timeout_ms);
}

static int post(rove_peer* peer, rove_fragment* fragment, int timeout_ms) {
    if (fragment->put_done) return post_put(peer, fragment, timeout_ms);
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
    bool const wanted = (descriptor->des_flags & MCA_BTL_DES_SEND_ALWAYS_CALLBACK) != 0;
    if (fragment->put_done)
        fragment->put_done(&mca_btl_rove_module, peer, fragment->segments[0].seg_addr.pval, NULL,
            fragment->put_context, fragment->put_argument, status);
    else if (wanted && descriptor->des_cbfunc)
        descriptor->des_cbfunc(&mca_btl_rove_module, peer, descriptor, status);
    if (ours) (void)rove_free(&mca_btl_rove_module, descriptor);
}

// Under `sending`, as the next one.
static void keep_back(rove_peer* peer, rove_fragment* fragment) {
    fragment->super.des_flags |= MCA_BTL_DES_SEND_ALWAYS_CALLBACK;
    opal_list_append(&peer->kept_back, &fragment->super.super.super);
    atomic_fetch_add(&mca_btl_rove_component.kept_back, 1);
}

static rove_fragment* take_kept_back(rove_peer* peer) {
    rove_fragment* first = (rove_fragment*)opal_list_remove_first(&peer->kept_back);
    if (first) atomic_fetch_sub(&mca_btl_rove_component.kept_back, 1);
    return first;
}

typedef enum { SENT, KEPT_BACK, FAILED } outcome;

static outcome try_to_send(rove_peer* peer, rove_fragment* fragment, int timeout_ms) {
    if (peer->gone) return FAILED;
    if (post(peer, fragment, timeout_ms) == 0) return SENT;
    return may_come_later(errno) ? KEPT_BACK : FAILED;
}

static outcome send_or_keep_back(rove_peer* peer, rove_fragment* fragment) {
    OPAL_THREAD_LOCK(&peer->sending);
    bool const is_next = opal_list_is_empty(&peer->kept_back);
    outcome const result = is_next ? try_to_send(peer, fragment, 0) : KEPT_BACK;
    if (result == KEPT_BACK) keep_back(peer, fragment);
    OPAL_THREAD_UNLOCK(&peer->sending);
    return result;
}

int rove_send_kept_back(rove_peer* peer, int timeout_ms) {
    for (int sent = 0;; sent++) {
        rove_fragment* first = NULL;
        outcome result = KEPT_BACK;
        OPAL_THREAD_LOCK(&peer->sending);
        if (!opal_list_is_empty(&peer->kept_back)) {
            first = (rove_fragment*)opal_list_get_first(&peer->kept_back);
            result = try_to_send(peer, first, timeout_ms);
            if (result != KEPT_BACK) (void)take_kept_back(peer);
        }
        OPAL_THREAD_UNLOCK(&peer->sending);
        if (result == KEPT_BACK) return sent;
        complete(peer, first, result == SENT ? OPAL_SUCCESS : OPAL_ERR_UNREACH);
        if (result == FAILED) rove_tell_error(peer);
    }
}

void rove_drop_kept_back(rove_peer* peer) {
    for (;;) {
        OPAL_THREAD_LOCK(&peer->sending);
        rove_fragment* first = take_kept_back(peer);
        OPAL_THREAD_UNLOCK(&peer->sending);
        if (!first) return;
        complete(peer, first, OPAL_ERR_UNREACH);
    }
}

int rove_btl_send(mca_btl_base_module_t* module, rove_peer* peer,
    mca_btl_base_descriptor_t* descriptor, mca_btl_base_tag_t tag) {
    (void)module;
    rove_fragment* fragment = (rove_fragment*)descriptor;
    fragment->head = (rove_head){.tag = tag, .kind = ROVE_FRAGMENT};
    outcome const result = send_or_keep_back(peer, fragment);
    if (result == KEPT_BACK) return 0;
    if (result == SENT) {
        complete(peer, fragment, OPAL_SUCCESS);
        return 1;
    }
    rove_tell_error(peer);
    return OPAL_ERR_UNREACH;
}

int rove_btl_put(mca_btl_base_module_t* module, rove_peer* peer, void* from, uint64_t to,
    mca_btl_base_registration_handle_t* from_handle, mca_btl_base_registration_handle_t* to_handle,
    size_t size, int flags, int order, mca_btl_base_rdma_completion_fn_t done, void* context,
    void* argument) {
    (void)from_handle, (void)to_handle, (void)flags;
    rove_fragment* fragment = make_fragment(0, (uint8_t)order, MCA_BTL_DES_FLAGS_BTL_OWNERSHIP);
    if (!fragment) return OPAL_ERR_OUT_OF_RESOURCE;
    fragment->segments[0] = (mca_btl_base_segment_t){.seg_addr = {.pval = from}, .seg_len = size};
    fragment->put = (rove_put_head){.head = {.kind = ROVE_PUT}, .address = to, .length = size};
    fragment->put_done = done;
    fragment->put_context = context;
    fragment->put_argument = argument;
    outcome const result = send_or_keep_back(peer, fragment);
    if (result == SENT) complete(peer, fragment, OPAL_SUCCESS);
    if (result != FAILED) return OPAL_SUCCESS;
    (void)rove_free(module, &fragment->super);
    rove_tell_error(peer);
    return OPAL_ERR_UNREACH;
}

// Short ones need no fragment.
int rove_sendi(mca_btl_base_module_t* module, rove_peer* peer, struct opal_convertor_t* convertor,
    void* header, size_t header_size, size_t payload_size, uint8_t order, uint32_t flags,
    mca_btl_base_tag_t tag, mca_btl_base_descriptor_t** descriptor) {
    enum { short_one = 1024 };
    unsigned char message[sizeof(rove_head) + short_one];
    size_t const size = header_size + payload_size;
    if (descriptor) *descriptor = NULL;
    if (size > short_one) {
        if (descriptor) *descriptor = rove_alloc(module, peer, order, size, flags);
        return OPAL_ERR_RESOURCE_BUSY;
    }
    rove_head const head = {.tag = tag, .kind = ROVE_FRAGMENT};
    memcpy(message, &head, sizeof head);
    memcpy(message + sizeof head, header, header_size);
    if (payload_size > 0) {
        struct iovec part = {message + sizeof head + header_size, payload_size};
        uint32_t parts = 1;
        size_t packed = payload_size;
        (void)opal_convertor_pack(convertor, &part, &parts, &packed);
    }
    OPAL_THREAD_LOCK(&peer->sending);
    bool const sent =
        opal_list_is_empty(&peer->kept_back) &&
        rove_send(mca_btl_rove_component.box, &peer->address, message, sizeof head + size, 0) == 0;
    OPAL_THREAD_UNLOCK(&peer->sending);
    if (sent) return OPAL_SUCCESS;
    if (descriptor) *descriptor = rove_alloc(module, peer, order, size, flags);
    return OPAL_ERR_RESOURCE_BUSY;
}
