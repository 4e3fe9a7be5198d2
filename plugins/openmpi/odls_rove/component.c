// SPDX-License-Identifier: Apache-2.0
// ODLS rove: starts each rank as a program of Rove, on the node that ras_rove has found for it.
//
// How a process is started, with its descriptors, environment and signals, is what the component
// `default` of this very installation knows. So this one stands before it and changes nothing but
// the rank's command, which begins by `rove .mpi-rank`; that becomes the rank by execve, with the
// PID that mpirun knows.
#include "../launching/component.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../launching/ask_rove.h"

#include "opal/mca/base/base.h"
#include "opal/mca/base/mca_base_component_repository.h"
#include "opal/util/argv.h"
#include "orte/constants.h"
#include "orte/mca/odls/base/base.h"
#include "orte/mca/odls/odls.h"
#include "orte/runtime/orte_globals.h"

static char *command, *options;
static bool stay, best;
static orte_odls_base_module_t before_default, default_module;
static char** users_agent; // what the user has said that ranks begin by

static int register_parameters(void);
static int query(mca_base_module_t** module, int* priority);

orte_odls_base_component_t mca_odls_rove_component = {
    .version = ROVE_COMPONENT(ORTE_ODLS_BASE_VERSION_2_0_0),
    .base_data = {.param_field = MCA_BASE_METADATA_PARAM_NONE},
};

static int register_parameters(void) {
    mca_base_component_t const* us = &mca_odls_rove_component.version;
    rove_text_parameter(us, "command",
        "Path of 'rove', by which ranks are started; without it this component is not used",
        &command);
    rove_flag_parameter(us, "stay", "No automatic migration of ranks ('rove run --stay')", &stay);
    rove_flag_parameter(us, "best",
        "Each rank begins on the node that is best then ('rove run --on best'), if ras_rove has "
        "not found it one",
        &best);
    rove_text_parameter(us, "options",
        "More options of 'rove run' for each rank, such as '--cpu-baseline v2 --mem 2G'", &options);
    return ORTE_SUCCESS;
}

// Whether there is a `default` to stand before. It would be unloaded when it is not chosen.
static bool find_default(void) {
    mca_base_component_list_item_t* item;
    OPAL_LIST_FOREACH(
        item, &orte_odls_base_framework.framework_components, mca_base_component_list_item_t) {
        mca_base_component_t const* component = item->cli_component;
        if (strcmp(component->mca_component_name, "default") || !component->mca_query_component)
            continue;
        mca_base_module_t* found = NULL;
        int priority;
        if (component->mca_query_component(&found, &priority) != ORTE_SUCCESS || !found)
            return false;
        if (mca_base_component_repository_retain_component("odls", "default") != OPAL_SUCCESS)
            return false;
        default_module = *(orte_odls_base_module_t*)found;
        return true;
    }
    return false;
}

static void append_words(char*** argv, char const* text) {
    char** const words = opal_argv_split(text, ' ');
    for (char** word = words; word && *word; word++)
        (void)opal_argv_append_nosize(argv, *word);
    opal_argv_free(words);
}

static int launch(opal_buffer_t* job) {
    char const* const places = getenv(ROVE_PLACES_VARIABLE);
    char** agent = NULL;
    (void)opal_argv_append_nosize(&agent, command);
    (void)opal_argv_append_nosize(&agent, ".mpi-rank");
    if (places) {
        (void)opal_argv_append_nosize(&agent, "--places");
        (void)opal_argv_append_nosize(&agent, places);
    } else if (best) {
        append_words(&agent, "--on best");
    }
    if (stay) (void)opal_argv_append_nosize(&agent, "--stay");
    if (options) append_words(&agent, options);
    (void)opal_argv_append_nosize(&agent, "--");
    for (char** word = users_agent; word && *word; word++)
        (void)opal_argv_append_nosize(&agent, *word);
    // Read when the ranks are started, which is later, and the same for all jobs of this mpirun.
    if (orte_fork_agent != users_agent) opal_argv_free(orte_fork_agent);
    orte_fork_agent = agent;
    return default_module.launch_local_procs(job);
}

static int query(mca_base_module_t** module, int* priority) {
    *module = NULL;
    *priority = 0;
    long slots;
    char* places;
    if (!command || !*command || rove_ask_places(command, "home", 1, &slots, &places))
        return ORTE_ERROR;
    free(places);
    if (!find_default()) return ORTE_ERROR;
    users_agent = orte_fork_agent;
    before_default = default_module;
    before_default.launch_local_procs = launch;
    *module = (mca_base_module_t*)&before_default;
    *priority = 100;
    return ORTE_SUCCESS;
}
