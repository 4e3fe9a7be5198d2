# SPDX-License-Identifier: Apache-2.0
# The runtime blob: the freestanding folders as one flat position-independent image.
#
# Steps: compile each source freestanding, link with src/rt/blob.lds, let tools/check_blob.py refuse
# what must not be in a blob, and let tools/embed_blob.py turn the image into blob.hh and blob.cc
# (bytes, and the offsets of the entry points), which become the library rove_blob.
# Skipped while src/rt/blob.lds does not exist.

if(NOT EXISTS ${CMAKE_SOURCE_DIR}/src/rt/blob.lds)
    return()
endif()
find_package(Python3 REQUIRED COMPONENTS Interpreter)

set(blob_sources "")
foreach(folder rt deputy guest syscalls wire seal)
    file(GLOB here CONFIGURE_DEPENDS src/${folder}/*.cc src/${folder}/*/*.cc src/${folder}/*.S src/${folder}/*/*.S)
    list(FILTER here EXCLUDE REGEX "(_test|_hosted)\\.cc$")
    list(FILTER here EXCLUDE REGEX "/names\\.cc$|/testing/")
    list(APPEND blob_sources ${here})
endforeach()

add_library(runtime_objects OBJECT ${blob_sources})
target_include_directories(runtime_objects PRIVATE ${CMAKE_SOURCE_DIR}/src)
set_target_properties(runtime_objects PROPERTIES POSITION_INDEPENDENT_CODE OFF)
target_compile_options(runtime_objects PRIVATE
    -ffreestanding -mno-red-zone -mgeneral-regs-only -fno-stack-protector
    -fno-asynchronous-unwind-tables -fno-unwind-tables -fPIE -fvisibility=hidden -fcf-protection=none
    -fno-sanitize=all -fno-jump-tables -U_FORTIFY_SOURCE -O2 -g
    $<$<COMPILE_LANGUAGE:CXX>:-fno-builtin -fno-exceptions -fno-rtti -fno-threadsafe-statics ${ROVE_WARNINGS}>)
if(ROVE_FUZZ)
    target_compile_options(runtime_objects PRIVATE -fno-sanitize-coverage=trace-pc-guard)
endif()

set(blob_dir ${CMAKE_BINARY_DIR}/generated/blob)
file(MAKE_DIRECTORY ${blob_dir})
add_custom_command(
    OUTPUT ${blob_dir}/blob.hh ${blob_dir}/blob.cc
    COMMAND ${CMAKE_LINKER} -pie --no-dynamic-linker -z noexecstack -z norelro -z separate-code
        --build-id=none -T ${CMAKE_SOURCE_DIR}/src/rt/blob.lds
        -o ${blob_dir}/runtime.elf $<TARGET_OBJECTS:runtime_objects>
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/check_blob.py ${blob_dir}/runtime.elf
        $<TARGET_OBJECTS:runtime_objects>
    COMMAND ${CMAKE_OBJCOPY} -O binary ${blob_dir}/runtime.elf ${blob_dir}/runtime.bin
    COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/embed_blob.py
        ${blob_dir}/runtime.elf ${blob_dir}/runtime.bin ${blob_dir}
    DEPENDS runtime_objects $<TARGET_OBJECTS:runtime_objects> src/rt/blob.lds tools/check_blob.py
        tools/embed_blob.py
    COMMAND_EXPAND_LISTS VERBATIM COMMENT "Linking and checking the runtime blob")
add_library(rove_blob STATIC ${blob_dir}/blob.cc)
target_include_directories(rove_blob PUBLIC ${CMAKE_BINARY_DIR}/generated)
add_custom_target(runtime_blob DEPENDS rove_blob)
