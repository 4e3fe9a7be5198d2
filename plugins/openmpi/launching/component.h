// SPDX-License-Identifier: Apache-2.0
// Component: what our components of ORTE's frameworks say of themselves, and their parameters.
#pragma once

#include "orte_config.h"

#include <stdbool.h>

#include "opal/mca/base/mca_base_var.h"
#include "opal/mca/mca.h"

// The version of a component that has functions `query` and `register_parameters`.
#define ROVE_COMPONENT(framework_version)                                                          \
    {                                                                                              \
        framework_version,                                                                         \
            .mca_component_name = "rove",                                                          \
            MCA_BASE_MAKE_VERSION(                                                                 \
                component, ORTE_MAJOR_VERSION, ORTE_MINOR_VERSION, ORTE_RELEASE_VERSION),          \
            .mca_query_component = query, .mca_register_component_params = register_parameters,    \
    }

// `value` has what holds if nobody says anything, and must live as long as the component.
void rove_text_parameter(
    mca_base_component_t const* component, char const* name, char const* help, char** value);
void rove_flag_parameter(
    mca_base_component_t const* component, char const* name, char const* help, bool* value);
