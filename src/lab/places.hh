// SPDX-License-Identifier: Apache-2.0
// Places: where a lab keeps its files.
//
// Every name follows from the lab's name alone, so that `down` finds what a killed `up` left
// behind.
#pragma once

#include <string>
#include <string_view>

namespace rove::lab {

inline std::string const state_root = "/run/rove-lab";
// Swap files cannot lie on a tmpfs, which /run usually is.
inline std::string const swap_root = "/var/lib/rove-lab";
inline std::string const run_dir = "/run/rove";

inline std::string state_dir(std::string_view lab) {
    return state_root + "/" + std::string(lab);
}
inline std::string plan_path(std::string_view lab) {
    return state_dir(lab) + "/lab.json";
}
inline std::string key_path(std::string_view lab) {
    return state_dir(lab) + "/cluster.key";
}
// The network namespace that holds the lab's switch is kept alive by a bind mount here.
inline std::string switch_path(std::string_view lab) {
    return state_dir(lab) + "/switch";
}
inline std::string node_dir(std::string_view lab, std::string_view node) {
    return state_dir(lab) + "/" + std::string(node);
}
inline std::string config_path(std::string_view lab, std::string_view node) {
    return node_dir(lab, node) + "/rove.toml";
}
inline std::string log_path(std::string_view lab, std::string_view node) {
    return node_dir(lab, node) + "/log";
}
inline std::string init_path(std::string_view lab, std::string_view node) {
    return node_dir(lab, node) + "/init";
}
inline std::string swap_path(std::string_view lab, std::string_view node) {
    return swap_root + "/" + std::string(lab) + "/" + std::string(node) + ".swap";
}
// Below the root of each cgroup hierarchy.
inline std::string cgroup_name(std::string_view lab) {
    return "rove-lab." + std::string(lab);
}

} // namespace rove::lab
