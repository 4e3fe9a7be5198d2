# SPDX-License-Identifier: Apache-2.0
# Manual pages and shell completions, made by `rove` itself from its table of verbs into <build>/share.

find_program(SCDOC scdoc)
if(TARGET rove AND SCDOC)
    set(manual_dir ${CMAKE_BINARY_DIR}/share)
    add_custom_command(
        OUTPUT ${manual_dir}/manual.stamp
        COMMAND ${CMAKE_COMMAND} -E make_directory ${manual_dir}/man/man1 ${manual_dir}/man/man5 ${manual_dir}/man/man8
        COMMAND $<TARGET_FILE:rove> .manual ${manual_dir} ${PROJECT_VERSION}
        COMMAND sh -ec "$<TARGET_FILE:roved> .manual >share/rove.toml.5.scd"
        COMMAND sh -ec "cd share; for page in *.scd; do name=\${page%.scd}; ${SCDOC} <$page >man/man\${name##*.}/$name; rm $page; done"
        COMMAND ${CMAKE_COMMAND} -E touch ${manual_dir}/manual.stamp
        WORKING_DIRECTORY ${CMAKE_BINARY_DIR} DEPENDS rove roved VERBATIM COMMENT "Writing the manual")
    add_custom_target(manual ALL DEPENDS ${manual_dir}/manual.stamp)
endif()
