// SPDX-License-Identifier: Apache-2.0
// Copy: what the target of a move has of the memory by now, while the program still runs.
//
// A page is as it was when it was last asked whether it had been written, or older, and where the
// target has mapped something anew it is gone. At the freeze the difference to the truth is what
// must be sent, and what must be forgotten.
//
// Pure: the target is told by others what this says.
#pragma once

#include <vector>

#include "wire/session.hh"

namespace rove::migrate {

using Ranges = std::vector<wire::Range>;

// Takes the first `most` bytes, or what there is, out of `from`.
Ranges take_slice(Ranges& from, uint64_t most);

class Copy {
public:
    // `layout`: what the target maps.
    explicit Copy(std::vector<wire::Vma> layout) : layout_(std::move(layout)) {}

    std::vector<wire::Vma> const& layout() const { return layout_; }
    // It maps this instead from now on.
    void lay_out(std::vector<wire::Vma> layout);
    // Those of `pages` that can be put there as it is.
    Ranges takes(Ranges const& pages) const;
    // They have been written: what is there of them is old.
    void outdate(Ranges const& pages);
    void add(Ranges const& pages);
    // They are not there any more.
    void lose(Ranges const& pages);

    Ranges const& there() const { return there_; }
    bool empty() const { return there_.empty(); }
    // Of the pages that the program has when it stands still: those that are not there, or old.
    // `suspect`: those that may have been written since they were last asked for.
    Ranges missing(Ranges const& present, Ranges const& suspect) const;
    // What is there and must be nothing.
    Ranges surplus(Ranges const& present) const;

private:
    std::vector<wire::Vma> layout_;
    Ranges there_;   // in whatever state
    Ranges current_; // of them: as of the last question
};

} // namespace rove::migrate
