# SPDX-License-Identifier: Apache-2.0
# One libFuzzer program per tests/fuzz/<target>.cc. It may use every hosted folder whose name stands
# in a line `// uses: base wire …` of its source.

file(GLOB fuzz_sources CONFIGURE_DEPENDS tests/fuzz/*.cc)
foreach(source IN LISTS fuzz_sources)
    get_filename_component(name ${source} NAME_WE)
    file(STRINGS ${source} uses REGEX "^// uses: " LIMIT_COUNT 1)
    string(REGEX REPLACE "^// uses: *" "" uses "${uses}")
    string(REGEX REPLACE "[ ,]+" ";" uses "${uses}")
    add_executable(fuzz_${name} ${source})
    target_compile_options(fuzz_${name} PRIVATE ${ROVE_WARNINGS})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    foreach(folder IN LISTS uses)
        target_link_libraries(fuzz_${name} PRIVATE rove_${folder})
    endforeach()
    set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endforeach()
