// SPDX-License-Identifier: Apache-2.0
// Swap: a real swap file for a node.
#include "lab/swap.hh"

#include <fcntl.h>
#include <sys/swap.h>
#include <unistd.h>

#include "lab/files.hh"
#include "lab/places.hh"
#include "lab/tool.hh"

namespace rove::lab {

Status swap_on(std::string_view lab, NodePlan const& node) {
    if (node.swap_bytes == 0) return {};
    std::string path = swap_path(lab, node.name);
    TRY(make_dir("/var/lib", 0755));
    TRY(make_dir(swap_root, 0700));
    TRY(make_dir(swap_root + "/" + std::string(lab), 0700));
    {
        Fd file = TRY(open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600));
        if (::fallocate(file.number(), 0, 0, static_cast<off_t>(node.swap_bytes)) < 0)
            return fail(
                errno, "cannot reserve {} bytes for the swap file {}", node.swap_bytes, path);
    }
    TRY(run_tool({"mkswap", path}));
    if (::swapon(path.c_str(), 0) < 0)
        return fail(errno, "cannot use {} for swap (its file system may not allow it)", path);
    return {};
}

Status swap_off(std::string_view lab, std::string_view node) {
    std::string dir = swap_root + "/" + std::string(lab);
    for (std::string const& name : names_in(dir)) {
        std::string path = dir + "/" + name;
        if (!node.empty() && path != swap_path(lab, node)) continue;
        // EINVAL: it was made but never used.
        if (::swapoff(path.c_str()) < 0 && errno != EINVAL)
            return fail(errno, "cannot stop swapping to {}", path);
        if (::unlink(path.c_str()) < 0) return fail(errno, "cannot remove {}", path);
    }
    // Directories go when the last file has gone.
    (void)::rmdir(dir.c_str());
    (void)::rmdir(swap_root.c_str());
    return {};
}

} // namespace rove::lab
