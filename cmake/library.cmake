# SPDX-License-Identifier: Apache-2.0
# librove: what programs link for include/rove.h, as an archive and as a shared object.
#
# The shared one shows nothing but the functions of rove.h, so that a C program needs no more than
# -lrove. The archive wants -lstdc++ -lfmt behind it.

target_include_directories(rove_post PUBLIC ${CMAKE_SOURCE_DIR}/include)
set(library_objects "")
foreach(folder base sys mailbox post)
    list(APPEND library_objects $<TARGET_OBJECTS:rove_${folder}>)
endforeach()
add_library(librove SHARED ${library_objects})
add_library(librove_archive STATIC ${library_objects})
set_target_properties(librove librove_archive PROPERTIES OUTPUT_NAME rove
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib
    PUBLIC_HEADER ${CMAKE_SOURCE_DIR}/include/rove.h LINKER_LANGUAGE CXX)
set_target_properties(librove PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0
    LINK_DEPENDS ${CMAKE_SOURCE_DIR}/src/post/librove.map)
target_link_options(librove PRIVATE
    -Wl,--version-script=${CMAKE_SOURCE_DIR}/src/post/librove.map)
target_link_libraries(librove PRIVATE fmt::fmt Threads::Threads)
