// SPDX-License-Identifier: Apache-2.0
// Sharers: who maps the memory that a process maps for sharing.
#pragma once

#include <vector>

#include <sys/types.h>

#include "base/result.hh"
#include "image/maps.hh"

namespace rove::migrate {

// Whether that process maps one of the commons among `mappings`. One whose mappings cannot be read
// counts as if it did.
bool maps_commons_of(pid_t pid, std::vector<image::Mapping> const& mappings);
// Another process that maps one of the commons among `mappings` of `pid`; 0: nobody does.
Result<pid_t> find_sharer(pid_t pid, std::vector<image::Mapping> const& mappings);

} // namespace rove::migrate
