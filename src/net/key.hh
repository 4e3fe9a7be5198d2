// SPDX-License-Identifier: Apache-2.0
// Key: the secret that all nodes of a cluster share, and what is derived from it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.hh"

namespace rove::net {

constexpr size_t key_bytes_min = 16; // KEEP IN STEP WITH src/cli/found_verbs.cc

struct ClusterKey {
    std::string secret; // as it stands in the file, without white space at its ends
};

// Fails if others than the owner may read the file, or if it is too short to be a secret.
Result<ClusterKey> load_cluster_key(std::string const& path);

// HKDF-SHA256 of the key for one purpose: 32 bytes.
Result<std::string> derive(ClusterKey const& key, std::string_view purpose);

} // namespace rove::net
