# SPDX-License-Identifier: Apache-2.0
# What each folder links outside of the tree. A folder that is not named here links nothing.

find_package(OpenSSL REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_path(RAPIDCHECK_INCLUDE rapidcheck.h REQUIRED)
find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
# As archives where there are some: rove-keeper is linked without a dynamic linker, and `rove run` would load what only `rove top`
# needs.
find_library(CAPNG_LIBRARY NAMES libcap-ng.a cap-ng REQUIRED)
find_library(XXHASH_LIBRARY NAMES libxxhash.a xxhash REQUIRED)
find_library(NCURSES_LIBRARY NAMES libncursesw.a ncursesw REQUIRED)
find_library(TINFO_LIBRARY NAMES libtinfo.a tinfo REQUIRED)

find_package(ZLIB REQUIRED)
find_package(fmt REQUIRED)
add_library(fmt_archive STATIC cmake/fmt.cc)
set(EXTERNAL_base fmt_archive)
set(EXTERNAL_net OpenSSL::SSL OpenSSL::Crypto)
set(EXTERNAL_node Boost::headers Boost::json tomlplusplus::tomlplusplus spdlog::spdlog)
set(EXTERNAL_client Boost::headers Boost::json)
set(EXTERNAL_lab Boost::headers Boost::json)
set(EXTERNAL_cli Boost::headers Boost::json CLI11::CLI11 ${NCURSES_LIBRARY} ${TINFO_LIBRARY})
set(EXTERNAL_sandbox ${CAPNG_LIBRARY})
set(EXTERNAL_warden ${XXHASH_LIBRARY})
set(EXTERNAL_migrate ${XXHASH_LIBRARY})
set(EXTERNAL_sim tomlplusplus::tomlplusplus CLI11::CLI11 ZLIB::ZLIB)
