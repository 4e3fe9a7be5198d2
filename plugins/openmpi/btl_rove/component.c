// SPDX-License-Identifier: Apache-2.0
// Component: how Open MPI finds this BTL, opens and closes it, and what it is told of it.
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
    // A message of 256 KiB goes at once, with Open MPI's head before it: up to there asking where
    // it belongs takes longer than a copy.
    module->btl_eager_limit = (256 << 10) + 1024;
    module->btl_rndv_eager_limit = 128 << 10;
    module->btl_max_send_size = 512 << 10;
    // The rest of a longer one goes in parts of which a mailbox has two under way, straight to
    // where they belong.
    module->btl_rdma_pipeline_send_length = 0;
    module->btl_rdma_pipeline_frag_size = 2 << 20;
    module->btl_min_rdma_pipeline_size = 0;
    module->btl_put_limit = SIZE_MAX;
    module->btl_flags = MCA_BTL_FLAGS_SEND | MCA_BTL_FLAGS_SEND_INPLACE | MCA_BTL_FLAGS_PUT;
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
    rove_forget_peers();
    rove_free_room();
    return OPAL_SUCCESS;
}

static int register_error(mca_btl_base_module_t* module, mca_btl_base_module_error_cb_fn_t tell) {
    (void)module;
    mca_btl_rove_component.tell_error = tell;
    return OPAL_SUCCESS;
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
    .btl_put = rove_btl_put,
    .btl_dump = mca_btl_base_dump,
    .btl_register_error = register_error,
};
