# SPDX-License-Identifier: Apache-2.0
# Plug-ins for other programs, each a folder of C files that sees nothing of ours but include/rove.h.
#
# An Open MPI component is named and exported as Open MPI wants it, and brings librove along, so
# that it can be opened wherever it lies. It stays mapped when Open MPI closes it: the library has
# said to the C library what is to be done at fork and exit.

find_path(OPEN_MPI_HEADERS openmpi/opal/mca/btl/btl.h
    PATHS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openmpi/include /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/openmpi)
find_library(OPEN_MPI_PAL open-pal)
if(ROVE_FUZZ OR ROVE_SANITIZE)
    # Open MPI itself has none of what such a component would need.
elseif(OPEN_MPI_HEADERS AND OPEN_MPI_PAL)
    file(GLOB sources CONFIGURE_DEPENDS plugins/openmpi/btl_rove/*.c)
    add_library(mca_btl_rove MODULE ${sources})
    target_include_directories(mca_btl_rove SYSTEM PRIVATE
        ${OPEN_MPI_HEADERS} ${OPEN_MPI_HEADERS}/openmpi)
    target_include_directories(mca_btl_rove PRIVATE ${CMAKE_SOURCE_DIR}/include)
    target_compile_options(mca_btl_rove PRIVATE -std=gnu11 -Wall -Wextra -Wshadow)
    target_link_libraries(mca_btl_rove PRIVATE librove_archive fmt::fmt Threads::Threads
        ${OPEN_MPI_PAL})
    target_link_options(mca_btl_rove PRIVATE
        -Wl,-z,defs -Wl,-z,nodelete -Wl,--exclude-libs,ALL)
    set_target_properties(mca_btl_rove PROPERTIES PREFIX "" LINKER_LANGUAGE CXX
        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib/rove/openmpi)
else()
    message(STATUS "No headers of Open MPI (libopenmpi-dev): no BTL for `rove mpirun`")
endif()
