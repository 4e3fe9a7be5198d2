// SPDX-License-Identifier: Apache-2.0
// Mounts: the wrappers, and the reader of mountinfo.
#include "sys/mounts.hh"

#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.hh"
#include "sys/files.hh"

namespace rove::sys {

Status mount(std::string const& source, std::string const& target, std::string const& type,
    unsigned long flags, std::string const& options) {
    if (::mount(source.c_str(), target.c_str(), type.empty() ? nullptr : type.c_str(), flags,
            options.empty() ? nullptr : options.c_str()) != 0)
        return fail(errno, "cannot mount {} on {}", source, target);
    return {};
}

Status bind_mount(std::string const& source, std::string const& target, bool recursive) {
    return mount(source, target, "", MS_BIND | (recursive ? MS_REC : 0));
}

Status set_propagation(std::string const& target, unsigned long kind) {
    return mount("none", target, "", kind | MS_REC);
}

Status unmount(std::string const& target) {
    if (::umount2(target.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return {};
    if (errno == EINVAL || errno == ENOENT) return {};
    return fail(errno, "cannot unmount {}", target);
}

Status pivot_root(std::string const& new_root, std::string const& put_old) {
    if (::syscall(SYS_pivot_root, new_root.c_str(), put_old.c_str()) != 0)
        return fail(errno, "cannot make {} the root", new_root);
    return {};
}

namespace {
// The kernel writes blank, tab, newline and backslash as \ooo.
std::string unescaped(std::string_view text) {
    std::string result;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 3 < text.size()) {
            auto code = parse_number<unsigned>(text.substr(at + 1, 3), 8);
            if (code && *code < 256) {
                result += static_cast<char>(*code);
                at += 3;
                continue;
            }
        }
        result += text[at];
    }
    return result;
}
} // namespace

Result<std::vector<Mount>> parse_mountinfo(std::string_view text) {
    std::vector<Mount> mounts;
    for (auto line : lines(text)) {
        // 36 35 98:0 /root /target options optional… - type source super_options
        auto fields = words(line);
        size_t dash = 6;
        while (dash < fields.size() && fields[dash] != "-")
            ++dash;
        if (dash + 2 >= fields.size())
            return fail(EBADMSG, "mount line '{}'", printable(line.substr(0, 200)));
        mounts.push_back(Mount{unescaped(fields[4]), unescaped(fields[3]),
            std::string(fields[dash + 1]), unescaped(fields[dash + 2]),
            dash + 3 < fields.size() ? unescaped(fields[dash + 3]) : ""});
    }
    return mounts;
}

Result<std::vector<Mount>> own_mounts() {
    return parse_mountinfo(TRY(read_file("/proc/self/mountinfo")));
}

} // namespace rove::sys
