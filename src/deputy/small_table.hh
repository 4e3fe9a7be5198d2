// SPDX-License-Identifier: Apache-2.0
// Small table: a child's table of descriptors, which ends where the program's ends.
//
// A fork copies the table up to its highest number, and the runtime's lie high: 0.15 ms for 20,000
// numbers. So the child is made with its parent's table and takes a copy of it from which the
// runtime's numbers are left out. What it needs of those has a low number in both meanwhile: that
// is for a program with one thread, which waits for its fork and cannot come upon it.
#pragma once

#include "deputy/deputy.hh"

namespace rove::deputy {

class SmallTable {
public:
    /// Of these descriptors the child keeps one. Not made: a plain fork will do, or must.
    SmallTable(int link, int parents_alarm);
    ~SmallTable();
    bool made() const { return told_ >= 0; }
    int link() const { return link_; }
    int parents_alarm() const { return parents_alarm_; }

    /// In the child, before anything else touches a descriptor.
    void part();
    /// In the parent, which may use its table when this returns.
    void await_parting(long child);

    SmallTable(SmallTable const&) = delete;
    SmallTable& operator=(SmallTable const&) = delete;

private:
    int link_ = -1, parents_alarm_ = -1, told_ = -1;
};

} // namespace rove::deputy
