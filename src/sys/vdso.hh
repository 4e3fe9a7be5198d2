// SPDX-License-Identifier: Apache-2.0
// Vdso: the functions that this kernel maps into every program.
#pragma once

#include <string>

#include "base/result.hh"

namespace rove::sys {

// Its bytes, whole pages. The kernel gives all 64-bit programs the same ones.
Result<std::string> own_vdso();

} // namespace rove::sys
