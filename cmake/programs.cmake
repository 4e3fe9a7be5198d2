# SPDX-License-Identifier: Apache-2.0
# The programs: rove (command line), roved (daemon), rove-keeper (warden and steward), and the simulator.

function(program name folder)
    if(EXISTS ${CMAKE_SOURCE_DIR}/src/${folder}/main.cc AND TARGET rove_${folder})
        add_executable(${name} src/${folder}/main.cc)
        target_compile_options(${name} PRIVATE ${ROVE_WARNINGS})
        target_link_libraries(${name} PRIVATE rove_${folder})
    endif()
endfunction()

program(rove cli)
program(roved node)
program(rove-keeper keeper)
program(rove-sim sim)

# Keepers start at each move, fork and exec away, and stay as long as a process is away. Without a dynamic linker they start in half of
# the time (0.6 ms instead of 1.2 of CPU time) and with 57 pages instead of 137.
if(TARGET rove-keeper AND NOT ROVE_SANITIZE AND NOT ROVE_FUZZ AND CAPNG_LIBRARY MATCHES "\\.a$" AND XXHASH_LIBRARY MATCHES "\\.a$")
    include(CheckCXXSourceCompiles)
    set(CMAKE_REQUIRED_LINK_OPTIONS -static-pie)
    check_cxx_source_compiles("#include <string>\nint main(int, char** words) { return static_cast<int>(std::string(words[0]).size()); }"
        STATIC_PIE)
    unset(CMAKE_REQUIRED_LINK_OPTIONS)
    if(STATIC_PIE)
        target_link_options(rove-keeper PRIVATE -static-pie)
    endif()
endif()
