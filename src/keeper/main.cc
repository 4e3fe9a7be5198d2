// SPDX-License-Identifier: Apache-2.0
// rove-keeper: the process that stands beside one migrated process: a steward at home, a warden on the host.
#include <cstdio>
#include <string_view>

#include "migrate/steward.hh"
#include "warden/warden.hh"

int main(int argc, char** argv) {
    std::string_view role = argc > 1 ? argv[1] : "";
    if (role == "steward") return rove::migrate::steward_main(argc, argv);
    if (role == "warden") return rove::warden::warden_main(argc, argv);
    std::fputs("rove-keeper is started by roved: rove-keeper steward|warden …\n", stderr);
    return 2;
}
