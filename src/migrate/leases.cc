// SPDX-License-Identifier: Apache-2.0
// Leases: see leases.hh.
#include "migrate/leases.hh"

#include <algorithm>
#include <csignal>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.hh"
#include "migrate/segments.hh"
#include "sys/files.hh"

namespace rove::migrate {

Status Leases::take(pid_t pid, std::vector<image::Mapping> const& mappings, Refusal& refusal) {
    for (auto const& mapping : mappings) {
        if (!mapping.shared || mapping.inode == 0 || image::is_commons(mapping) ||
            image::is_written_file(mapping))
            continue;
        Fd file = TRY(open_mapped(pid, mapping));
        auto status = TRY(sys::fstat(file.number()));
        bool known = std::any_of(held_.begin(), held_.end(), [&](Held const& one) {
            return one.device == status.st_dev && one.inode == status.st_ino;
        });
        if (known) continue;
        (void)std::signal(SIGIO, SIG_IGN); // how the kernel tells of a writer; wanted() asks for it
        if (::fcntl(file.number(), F_SETLEASE, F_RDLCK) != 0) {
            bool roots_own = status.st_uid == 0 && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
            if (errno == EAGAIN || !roots_own)
                return refusal.because("shared_file_mapping",
                    fmt::format("it maps {} shared, {}", printable(mapping.path),
                        errno == EAGAIN ? "which somebody has open for writing"
                                        : "whose file system gives no leases"));
            file.close();
        }
        held_.push_back({status.st_dev, status.st_ino, std::move(file)});
    }
    return {};
}

bool Leases::wanted() const {
    return std::any_of(held_.begin(), held_.end(), [](Held const& one) {
        return one.file && ::fcntl(one.file.number(), F_GETLEASE) != F_RDLCK;
    });
}

} // namespace rove::migrate
