// SPDX-License-Identifier: Apache-2.0
// Late pages: which pages of a running guest are still at home, and in which order they are asked
// for.
//
// First what threads wait for, with what lies around it, then what follows that, then the rest. So
// much is asked for at a time that the connection is never idle, and that a thread does not wait
// long behind it.
//
// Pure: that a page is waited for, has come or is gone is told.
#pragma once

#include <deque>
#include <optional>

#include "warden/page_set.hh"

namespace rove::warden {

class LatePages {
public:
    explicit LatePages(std::vector<wire::Range> const& pages);

    bool empty() const { return unasked_.empty() && asked_.empty(); }
    uint64_t bytes() const { return unasked_.bytes() + asked_.bytes(); }
    /// Those of the range that have not come.
    std::vector<wire::Range> within(wire::Range const& range) const;
    /// Somebody waits for it.
    void want(wire::Range const& range);
    /// What is to be asked for now; from then on it counts as asked for. `waited_for`: nothing but
    /// what somebody waits for.
    std::optional<wire::Pages> next(bool waited_for);
    /// It has come, or is the program's no more.
    void remove(wire::Range const& range);
    /// So much of what was asked for has come, whoever it is for by now.
    void answered(uint64_t bytes);
    /// Whoever was asked is no more.
    void ask_again();

private:
    wire::Pages ask(std::vector<wire::Range> ranges);

    PageSet unasked_, asked_;
    std::deque<wire::Range> wanted_;
    uint64_t cursor_ = 0;    // where the rest is asked for
    uint64_t under_way_ = 0; // bytes
};

} // namespace rove::warden
