# SPDX-License-Identifier: Apache-2.0
# One program per tests/fuzz/<target>.cc. Its line `// uses: base node/config …` says what it is linked
# with: hosted folders as a whole, or single sources of one. Sources keep the build short where a folder is
# large (the daemon's takes minutes under sanitizers) and its decoders stand alone. With ROVE_FUZZ libFuzzer
# drives it; in other builds it is built as well and goes through its corpus, so that a line that has become
# too short is seen at once.

file(GLOB fuzz_sources CONFIGURE_DEPENDS tests/fuzz/*.cc)
foreach(source IN LISTS fuzz_sources)
    get_filename_component(name ${source} NAME_WE)
    file(STRINGS ${source} uses REGEX "^// uses: " LIMIT_COUNT 1)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
    if(NOT uses)
        message(FATAL_ERROR "${source} does not say what it uses")
    endif()
    string(REGEX REPLACE "^// uses: *" "" uses "${uses}")
    string(REGEX REPLACE "[ ,]+" ";" uses "${uses}")
    add_executable(fuzz_${name} ${source})
    target_compile_options(fuzz_${name} PRIVATE ${ROVE_WARNINGS})
    if(ROVE_FUZZ)
        set_target_properties(fuzz_${name} PROPERTIES EXCLUDE_FROM_ALL TRUE)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(fuzz_${name} PRIVATE tests/fuzz/replay/replay.cc)
    endif()
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
