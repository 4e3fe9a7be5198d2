// SPDX-License-Identifier: Apache-2.0
// Store: the state directory of a lab, locked while somebody changes the lab.
//
// All that is needed to take a lab down again follows from its name, so an entry whose lab.json is
// missing or broken can be removed, too. Readers need no lock: lab.json is replaced as a whole.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hh"
#include "base/result.hh"
#include "lab/plan.hh"

namespace rove::lab {

Result<Plan> load_plan(std::string_view lab);
bool lab_exists(std::string_view lab);

class Store {
public:
    // Makes the directory of a new lab, with its subnet and key; fills in plan.subnet.
    static Result<Store> create(Plan& plan);
    // Of a lab that exists; waits for whoever is changing it.
    static Result<Store> open(std::string_view lab);

    Status save(Plan const& plan) const;
    // Removes it, and with the last lab the directories that all labs share.
    Status remove();

private:
    static Result<Store> fill(Plan const& plan);
    Store(std::string lab, Fd lock) : lab_(std::move(lab)), lock_(std::move(lock)) {}
    std::string lab_;
    Fd lock_;
};

} // namespace rove::lab
