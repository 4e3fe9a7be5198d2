# SPDX-License-Identifier: Apache-2.0
# Plug-ins for other programs, each a folder of C files that sees nothing of ours but include/rove.h.
#
# An Open MPI component is named and exported as Open MPI wants it. btl_rove brings librove along, so
# that it can be opened wherever it lies, and stays mapped when Open MPI closes it: the library has
# said to the C library what is to be done at fork and exit.

find_path(OPEN_MPI_HEADERS openmpi/opal/mca/btl/btl.h
    PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openmpi/include /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/openmpi)
find_library(OPEN_MPI_PAL open-pal)
find_library(OPEN_MPI_RTE open-rte
    PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openmpi/lib)

# open_mpi_component(FRAMEWORK LIBRARY…): plugins/openmpi/FRAMEWORK_rove/, and what it is linked with
function(open_mpi_component framework)
    set(name mca_${framework}_rove)
    file(GLOB sources CONFIGURE_DEPENDS plugins/openmpi/${framework}_rove/*.c)
    if(NOT framework STREQUAL "btl")
        file(GLOB launching CONFIGURE_DEPENDS plugins/openmpi/launching/*.c)
    endif()
    add_library(${name} MODULE ${sources} ${launching})
    target_include_directories(${name} SYSTEM PRIVATE
        ${OPEN_MPI_HEADERS} ${OPEN_MPI_HEADERS}/openmpi)
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/include)
    target_compile_options(${name} PRIVATE -std=gnu11 -Wall -Wextra -Wshadow)
    target_link_libraries(${name} PRIVATE ${ARGN})
    target_link_options(${name} PRIVATE -Wl,-z,defs)
    set_target_properties(${name} PROPERTIES PREFIX ""
        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/rove/openmpi)
endfunction()

if(ROVE_FUZZ OR ROVE_SANITIZE)
    # Open MPI itself has none of what such a component would need.
elseif(OPEN_MPI_HEADERS AND OPEN_MPI_PAL AND OPEN_MPI_RTE)
    open_mpi_component(btl librove_archive fmt::fmt Threads::Threads ${OPEN_MPI_PAL})
    target_link_options(mca_btl_rove PRIVATE -Wl,-z,nodelete -Wl,--exclude-libs,ALL)
    set_target_properties(mca_btl_rove PROPERTIES LINKER_LANGUAGE CXX)
    open_mpi_component(ras ${OPEN_MPI_RTE} ${OPEN_MPI_PAL})
    open_mpi_component(odls ${OPEN_MPI_RTE} ${OPEN_MPI_PAL})
else()
    message(STATUS "No headers of Open MPI (libopenmpi-dev): no components for `rove mpirun`")
endif()
