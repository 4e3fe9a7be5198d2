// SPDX-License-Identifier: Apache-2.0
// Component: how Open MPI finds this BTL, opens it, and lets it receive.
#include "btl_rove.h"

#include <errno.h>
#include <stdlib.h>

#include "opal/mca/base/base.h"
#include "opal/mca/btl/base/base.h"
#include "opal/mca/pmix/pmix.h"
#include "opal/util/output.h"

static int register_parameters(void) {
    mca_btl_base_module_t* module = &mca_btl_rove_module;
    // Above tcp, below what goes by memory that ranks share: who asks for that has it.
    module->btl_exclusivity = MCA_BTL_EXCLUSIVITY_DEFAULT;
    module->btl_eager_limit = 64 << 10;
    module->btl_rndv_eager_limit = 64 << 10;
    module->btl_max_send_size = 256 << 10;
    module->btl_rdma_pipeline_send_length = 256 << 10;
    module->btl_rdma_pipeline_frag_size = SIZE_MAX;
    module->btl_min_rdma_pipeline_size = 0;
    module->btl_flags = MCA_BTL_FLAGS_SEND | MCA_BTL_FLAGS_SEND_INPLACE;
    module->btl_bandwidth = 10000;
    module->btl_latency = 20;
    return mca_btl_base_param_register(&mca_btl_rove_component.super.btl_version, module);
}

static int open_component(void) {
    rove_component* component = &mca_btl_rove_component;
    OBJ_CONSTRUCT(&component->lock, opal_mutex_t);
    OBJ_CONSTRUCT(&component->peers, opal_list_t);
    return OPAL_SUCCESS;
}

static int close_component(void) {
    rove_component* component = &mca_btl_rove_component;
    OBJ_DESTRUCT(&component->peers);
    OBJ_DESTRUCT(&component->lock);
    return OPAL_SUCCESS;
}

static int tell_address(void) {
    rove_address own;
    char text[ROVE_ADDRESS_TEXT_SIZE] = {0};
    rove_own_address(mca_btl_rove_component.box, &own);
    rove_address_text(&own, text);
    int done;
    OPAL_MODEX_SEND(
        done, OPAL_PMIX_GLOBAL, &mca_btl_rove_component.super.btl_version, text, sizeof text);
    return done;
}

// Without a mailbox Open MPI goes on as if we were not there.
static mca_btl_base_module_t** init(int* count, bool progress_threads, bool threads) {
    (void)progress_threads, (void)threads;
    rove_component* component = &mca_btl_rove_component;
    *count = 0;
    component->box = rove_open(ROVE_NOTICES | ROVE_POLLED);
    if (!component->box) {
        opal_output_verbose(10, opal_btl_base_framework.framework_output,
            "btl: rove: no mailbox (%d): not used", errno);
        return NULL;
    }
    mca_btl_base_module_t** modules = malloc(sizeof *modules);
    if (!modules || tell_address() != OPAL_SUCCESS) {
        free(modules);
        rove_close(component->box);
        component->box = NULL;
        return NULL;
    }
    modules[0] = &mca_btl_rove_module;
    *count = 1;
    return modules;
}

static int finalize(mca_btl_base_module_t* module) {
    (void)module;
    rove_component* component = &mca_btl_rove_component;
    if (component->box) rove_close(component->box);
    component->box = NULL;
    free(component->room);
    component->room = NULL;
    component->room_size = 0;
    return OPAL_SUCCESS;
}

static int register_error(mca_btl_base_module_t* module, mca_btl_base_module_error_cb_fn_t tell) {
    (void)module;
    mca_btl_rove_component.tell_error = tell;
    return OPAL_SUCCESS;
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

// One message: Open MPI comes again, and what has come already waits in our own memory.
static int receive(void) {
    rove_component* component = &mca_btl_rove_component;
    size_t const usual = sizeof(rove_head) + mca_btl_rove_module.btl_max_send_size;
    if (component->room_size == 0 && !make_room(usual)) return 0;
    rove_letter letter;
    ssize_t const length =
        rove_receive(component->box, NULL, component->room, component->room_size, &letter, 0, 0);
    if (length < 0) {
        // It is taken the next time. Other ranks may have larger fragments than we do.
        if (errno == EMSGSIZE) (void)make_room((size_t)letter.length);
        return 0;
    }
    if (letter.kind == ROVE_GONE) {
        rove_peer_has_ended(&letter.sender);
        return 0;
    }
    if ((size_t)length < sizeof(rove_head)) return 0;
    deliver(component->room, (size_t)length);
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
        if (count < at_once && !opal_list_is_empty(&peer->kept_back)) waiting[count++] = peer;
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

rove_component mca_btl_rove_component = {
    .super =
        {
            .btl_version =
                {
                    MCA_BTL_DEFAULT_VERSION("rove"),
                    .mca_open_component = open_component,
                    .mca_close_component = close_component,
                    .mca_register_component_params = register_parameters,
                },
            .btl_data = {.param_field = MCA_BASE_METADATA_PARAM_NONE},
            .btl_init = init,
            .btl_progress = rove_progress,
        },
    .busy = ATOMIC_FLAG_INIT,
};

mca_btl_base_module_t mca_btl_rove_module = {
    .btl_component = &mca_btl_rove_component.super,
    .btl_add_procs = rove_add_procs,
    .btl_del_procs = rove_del_procs,
    .btl_finalize = finalize,
    .btl_alloc = rove_alloc,
    .btl_free = rove_free,
    .btl_prepare_src = rove_prepare_src,
    .btl_send = rove_btl_send,
    .btl_sendi = rove_sendi,
    .btl_dump = mca_btl_base_dump,
    .btl_register_error = register_error,
};
