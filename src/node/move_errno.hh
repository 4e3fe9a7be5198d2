// SPDX-License-Identifier: Apache-2.0
// Move errno: what a move comes to for a program that has asked for it by include/rove.h.
#pragma once

namespace rove::node {

struct Moved;

/// 0: it is there. EPERM: its rights or the configuration are against it. ENOTSUP: something keeps
/// it from being away. EHOSTUNREACH: the node gives no answer. ESRCH: it has ended. EBUSY: not now.
int errno_of(Moved const& moved);

} // namespace rove::node
