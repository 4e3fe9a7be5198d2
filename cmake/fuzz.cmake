# SPDX-License-Identifier: Apache-2.0
# One libFuzzer program per tests/fuzz/<target>.cc. Its line `// uses: base node/config …` says what it
# is linked with: hosted folders as a whole, or single sources of one. Sources keep the build short where
# a folder is large (the daemon's takes minutes under sanitizers) and its decoders stand alone.

add_custom_target(fuzz_targets)
file(GLOB fuzz_sources CONFIGURE_DEPENDS tests/fuzz/*.cc)
foreach(source IN LISTS fuzz_sources)
    get_filename_component(name ${source} NAME_WE)
    file(STRINGS ${source} uses REGEX "^// uses: " LIMIT_COUNT 1)
    string(REGEX REPLACE "^// uses: *" "" uses "${uses}")
    string(REGEX REPLACE "[ ,]+" ";" uses "${uses}")
    add_executable(fuzz_${name} EXCLUDE_FROM_ALL ${source})
    add_dependencies(fuzz_targets fuzz_${name})
    target_compile_options(fuzz_${name} PRIVATE ${ROVE_WARNINGS})
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    foreach(used IN LISTS uses)
        if(used MATCHES "^([a-z_]+)/")
            target_sources(fuzz_${name} PRIVATE src/${used}.cc)
            target_link_libraries(fuzz_${name} PRIVATE ${EXTERNAL_${CMAKE_MATCH_1}} Threads::Threads)
        else()
            target_link_libraries(fuzz_${name} PRIVATE rove_${used})
        endif()
    endforeach()
    set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endforeach()
