# SPDX-License-Identifier: Apache-2.0
# What each folder links outside of the tree. A folder that is not named here links nothing.

find_package(OpenSSL REQUIRED)
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(spdlog REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_path(RAPIDCHECK_INCLUDE rapidcheck.h REQUIRED)
find_library(RAPIDCHECK_LIBRARY rapidcheck REQUIRED)
find_library(CAPNG_LIBRARY cap-ng REQUIRED)
find_library(XXHASH_LIBRARY xxhash REQUIRED)

find_package(fmt REQUIRED)
set(EXTERNAL_base fmt::fmt)
set(EXTERNAL_net OpenSSL::SSL OpenSSL::Crypto)
set(EXTERNAL_node Boost::headers Boost::json tomlplusplus::tomlplusplus spdlog::spdlog)
set(EXTERNAL_client Boost::headers Boost::json)
set(EXTERNAL_lab Boost::headers Boost::json)
set(EXTERNAL_cli Boost::headers Boost::json CLI11::CLI11)
set(EXTERNAL_sandbox ${CAPNG_LIBRARY})
set(EXTERNAL_warden ${XXHASH_LIBRARY})
set(EXTERNAL_migrate ${XXHASH_LIBRARY})
