// SPDX-License-Identifier: Apache-2.0
// Fuzz target: the configuration file.
// uses: base sys node/config node/cpu_features policy/knobs
#include "node/config.hh"

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    auto config = rove::node::Config::parse(
        std::string(reinterpret_cast<char const*>(bytes), size), "rove.toml");
    if (config) (void)config->rows();
    return 0;
}
