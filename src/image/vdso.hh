// SPDX-License-Identifier: Apache-2.0
// Vdso: a kernel's functions for programs, on a host with another kernel.
//
// Programs remember where those functions lie (the C library looks them up once), but the code
// reads the clocks of its own kernel only, in pages whose layout is that kernel's. So a guest from
// another kernel gets home's image, with each function made a plain system call.
#pragma once

#include <string>

#include "base/result.hh"

namespace rove::image {

// ENOTSUP: it has a function that is not known here. EBADMSG: it is no such image.
Result<std::string> vdso_of_calls(std::string image);

} // namespace rove::image
