// SPDX-License-Identifier: Apache-2.0
// Store: the state directory of a lab, locked while somebody changes the lab.
#include "lab/store.hh"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/files.hh"
#include "lab/places.hh"

namespace rove::lab {

namespace {

// Says that /run/rove, over which each node mounts its own, was made by us.
std::string const run_dir_mark = state_root + "/.made-run-dir";

// Locks a directory; what was removed while we waited for it is as good as absent (ENOENT).
Result<Fd> lock_dir(std::string const& dir) {
    Fd lock = TRY(open_file(dir, O_RDONLY | O_DIRECTORY));
    while (::flock(lock.number(), LOCK_EX) < 0)
        if (errno != EINTR) return fail(errno, "cannot lock {}", dir);
    struct stat held {
    }, present{};
    if (::fstat(lock.number(), &held) < 0 || ::stat(dir.c_str(), &present) < 0 ||
        held.st_ino != present.st_ino)
        return fail(ENOENT, "{} is gone", dir);
    return lock;
}

// Made and locked, whatever other labs do meanwhile.
Result<Fd> lock_root() {
    for (;;) {
        TRY(make_dir(state_root, 0700));
        auto lock = lock_dir(state_root);
        if (lock || lock.error().code != ENOENT) return lock;
    }
}

Result<std::string> new_key() {
    unsigned char bytes[32];
    if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        return fail(errno, "cannot get random bytes");
    std::string text;
    for (unsigned char byte : bytes)
        text += fmt::format("{:02x}", byte);
    return text + "\n";
}

// Requires: the root is locked.
Status remove_lab(std::string_view lab) {
    TRY(remove_tree(state_dir(lab)));
    for (std::string const& name : names_in(state_root))
        if (state_root + "/" + name != run_dir_mark) return {};
    // The last lab. A /run/rove with something in it belongs to somebody by now.
    if (exists(run_dir_mark)) (void)::rmdir(run_dir.c_str());
    return remove_tree(state_root);
}

std::set<int> taken_subnets() {
    std::set<int> taken;
    for (std::string const& name : names_in(state_root))
        if (auto plan = load_plan(name)) taken.insert(plan->subnet);
    return taken;
}

} // namespace

Result<Plan> load_plan(std::string_view lab) {
    auto text = read_text(plan_path(lab));
    if (!text && text.error().code == ENOENT)
        return fail(0, "there is no lab '{0}'; 'rove lab up --name {0}' makes one", lab);
    if (!text) return Failure(text.error());
    auto plan = parse_plan(*text);
    if (plan && plan->name != lab) return fail(0, "{} is of another lab", plan_path(lab));
    return plan;
}

bool lab_exists(std::string_view lab) {
    return exists(state_dir(lab));
}

Result<Store> Store::create(Plan& plan) {
    Fd root = TRY(lock_root());
    if (lab_exists(plan.name))
        return fail(0, "a lab '{0}' is there already; 'rove lab down{1}' removes it", plan.name,
            plan.name == "lab" ? "" : " --name " + plan.name);
    auto subnet = allot_subnet(taken_subnets());
    if (!subnet) return fail(0, "there are too many labs; 'rove lab down --name …' removes one");
    plan.subnet = *subnet;
    auto store = fill(plan);
    // A full disk, say: then there is no lab, not an empty one.
    if (!store) (void)remove_lab(plan.name);
    return store;
}

Result<Store> Store::fill(Plan const& plan) {
    if (!exists(run_dir)) {
        TRY(replace_file(run_dir_mark, "", 0600));
        TRY(make_dir(run_dir, 0755));
    }
    TRY(make_dir(state_dir(plan.name), 0700));
    Store store(plan.name, TRY(lock_dir(state_dir(plan.name))));
    TRY(replace_file(key_path(plan.name), TRY(new_key()), 0600));
    TRY(store.save(plan));
    return store;
}

Result<Store> Store::open(std::string_view lab) {
    auto lock = lock_dir(state_dir(lab));
    if (!lock && lock.error().code == ENOENT)
        return fail(0, "there is no lab '{0}'; 'rove lab up --name {0}' makes one", lab);
    return Store(std::string(lab), TRY(std::move(lock)));
}

Status Store::save(Plan const& plan) const {
    return replace_file(plan_path(lab_), to_json(plan), 0600);
}

Status Store::remove() {
    Fd root = TRY(lock_root());
    return remove_lab(lab_);
}

} // namespace rove::lab
