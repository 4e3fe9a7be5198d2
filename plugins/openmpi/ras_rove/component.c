// SPDX-License-Identifier: Apache-2.0
// RAS rove: Open MPI's resource allocation from Rove's board, when mpirun starts.
//
// All ranks have their home on this node, whichever nodes they run on, so what mpirun is given is
// this node alone, with as many slots as there is room in the cluster; on which nodes the ranks
// begin is left for odls_rove. Who names hosts, or lies in the allocation of a batch system, keeps
// those.
#include "../launching/component.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../launching/ask_rove.h"

#include "orte/constants.h"
#include "orte/mca/ras/base/base.h"
#include "orte/mca/ras/ras.h"
#include "orte/mca/state/state.h"
#include "orte/runtime/orte_globals.h"
#include "orte/util/attr.h"

static char *command, *place, *found;
static bool prevent_oversubscription;

static int register_parameters(void);
static int query(mca_base_module_t** module, int* priority);
static int allocate(orte_job_t* job, opal_list_t* nodes);

orte_ras_base_component_t mca_ras_rove_component = {
    .base_version = ROVE_COMPONENT(ORTE_RAS_BASE_VERSION_2_0_0),
    .base_data = {.param_field = MCA_BASE_METADATA_PARAM_NONE},
};

static int finalize(void) {
    return ORTE_SUCCESS;
}

static orte_ras_base_module_t rove_module = {.allocate = allocate, .finalize = finalize};

static int register_parameters(void) {
    mca_base_component_t const* us = &mca_ras_rove_component.base_version;
    rove_text_parameter(us, "command",
        "Path of 'rove', which is asked for the board; without it this component is not used",
        &command);
    place = "home";
    rove_text_parameter(us, "place",
        "Where ranks begin: 'home' (they spread by themselves), 'best' (each where it runs "
        "fastest), 'spread:K' (equal "
        "numbers on the K nodes with the most room); needs odls_rove",
        &place);
    rove_text_parameter(us, "found",
        "What 'rove' has answered already, before mpirun itself made this node a busy one", &found);
    rove_flag_parameter(us, "prevent_oversubscription",
        "No more ranks than cores that have nothing to do", &prevent_oversubscription);
    return ORTE_SUCCESS;
}

static int find_places(char const* where, int quiet, long* slots, char** places) {
    return found && *found ? rove_take_places(found, slots, places)
                           : rove_ask_places(command, where, quiet, slots, places);
}

// Below those of batch systems, which answer only where they have allocated something.
static int query(mca_base_module_t** module, int* priority) {
    *module = NULL;
    *priority = 0;
    long slots;
    char* places;
    if (!command || !*command || find_places("home", 1, &slots, &places)) return ORTE_ERROR;
    free(places);
    *module = (mca_base_module_t*)&rove_module;
    *priority = 10;
    return ORTE_SUCCESS;
}

// How many ranks were asked for, 0 if that is left to the allocation; -1: hosts were named.
static long ranks_of(orte_job_t* job) {
    if (orte_default_hostfile_given || orte_rankfile) return -1;
    static orte_attribute_key_t const hosts[] = {
        ORTE_APP_HOSTFILE, ORTE_APP_ADD_HOSTFILE, ORTE_APP_DASH_HOST, ORTE_APP_ADD_HOST};
    long ranks = 0;
    for (int i = 0; i < job->apps->size; i++) {
        orte_app_context_t* app = opal_pointer_array_get_item(job->apps, i);
        if (!app) continue;
        for (size_t k = 0; k < sizeof hosts / sizeof *hosts; k++)
            if (orte_get_attribute(&app->attributes, hosts[k], NULL, OPAL_STRING)) return -1;
        ranks += app->num_procs;
    }
    return ranks;
}

// Ends mpirun. Why has been said; any error would have Open MPI say that it is one of its own.
static int refuse(orte_job_t* job) {
    ORTE_ACTIVATE_JOB_STATE(job, ORTE_JOB_STATE_ALLOC_FAILED);
    return ORTE_ERR_ALLOCATION_PENDING;
}

static int allocate(orte_job_t* job, opal_list_t* nodes) {
    long const ranks = ranks_of(job);
    if (ranks < 0) return ORTE_SUCCESS; // nothing from us: Open MPI goes on to the hosts
    long slots;
    char* places;
    if (find_places(place, 0, &slots, &places)) return refuse(job);
    int const known = *places ? setenv(ROVE_PLACES_VARIABLE, places, 1) : 0;
    free(places);
    if (known) return ORTE_ERR_OUT_OF_RESOURCE;
    if (prevent_oversubscription) {
        if (!slots || ranks > slots) {
            fprintf(stderr,
                "mpirun: %ld ranks are wanted, and %ld cores have nothing to do; ask for fewer, or "
                "leave out --prevent-oversubscription (ras_rove_prevent_oversubscription)\n",
                ranks ? ranks : 1, slots);
            return refuse(job);
        }
    } else {
        if (slots < ranks) slots = ranks;
        if (slots < 1) slots = 1;
    }
    orte_node_t* node = OBJ_NEW(orte_node_t);
    if (!node) return ORTE_ERR_OUT_OF_RESOURCE;
    node->name = strdup(orte_process_info.nodename);
    node->state = ORTE_NODE_STATE_UP;
    node->slots = (orte_std_cntr_t)slots;
    ORTE_FLAG_SET(node, ORTE_NODE_FLAG_SLOTS_GIVEN);
    opal_list_append(nodes, &node->super);
    return ORTE_SUCCESS;
}
