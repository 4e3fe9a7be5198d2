// SPDX-License-Identifier: Apache-2.0
#include "component.h"

static void add(mca_base_component_t const* component, char const* name, char const* help,
    mca_base_var_type_t type, void* value) {
    (void)mca_base_component_var_register(component, name, help, type, NULL, 0, 0, OPAL_INFO_LVL_3,
        MCA_BASE_VAR_SCOPE_READONLY, value);
}

void rove_text_parameter(
    mca_base_component_t const* component, char const* name, char const* help, char** value) {
    add(component, name, help, MCA_BASE_VAR_TYPE_STRING, value);
}

void rove_flag_parameter(
    mca_base_component_t const* component, char const* name, char const* help, bool* value) {
    add(component, name, help, MCA_BASE_VAR_TYPE_BOOL, value);
}
