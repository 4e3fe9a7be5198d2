// SPDX-License-Identifier: Apache-2.0
// rove-keeper: the process that stands beside one migrated process: a steward at home, a warden on
// the host; or looks at processes once, for who asks what keeps them.
#include <cstdio>
#include <string_view>

#include "migrate/look.hh"
#include "migrate/steward.hh"
#include "warden/warden.hh"

int main(int argc, char** argv) {
    std::string_view role = argc > 1 ? argv[1] : "";
    if (role == "steward") return rove::migrate::steward_main(argc, argv);
    if (role == "warden") return rove::warden::warden_main(argc, argv);
    if (role == "look") return rove::migrate::look_main(argc, argv);
    std::fputs("rove-keeper is started by roved: rove-keeper steward|warden|look …\n", stderr);
    return 2;
}
