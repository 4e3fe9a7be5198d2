# SPDX-License-Identifier: Apache-2.0
# Reads the dependency table of ARCHITECTURE.md into MAP_FOLDERS and MAP_USES_<folder>.
#
# The same rows are what tools/layers.py checks, so the map, the build and the check cannot differ.

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/ARCHITECTURE.md)
file(STRINGS ARCHITECTURE.md map_lines)
set(MAP_FOLDERS "")
set(inside FALSE)
foreach(line IN LISTS map_lines)
    if(line MATCHES "^\\| folder \\| may use \\|")
        set(inside TRUE)
    elseif(inside AND line MATCHES "^\\| `([a-z_]+)/` \\| ([a-z_ ]*) ?\\|")
        set(folder ${CMAKE_MATCH_1})
        string(STRIP "${CMAKE_MATCH_2}" uses)
        string(REPLACE " " ";" uses "${uses}")
        list(APPEND MAP_FOLDERS ${folder})
        set(MAP_USES_${folder} ${uses})
    elseif(inside AND NOT line MATCHES "^\\|")
        set(inside FALSE)
    endif()
endforeach()
if(NOT MAP_FOLDERS)
    message(FATAL_ERROR "ARCHITECTURE.md has no dependency table")
endif()
