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
