// SPDX-License-Identifier: Apache-2.0
// Page stream: a process's memory, read from outside and sent many ranges at a time.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <vector>

#include <sys/types.h>

#include "warden/sealed_line.hh"
#include "warden/staging.hh"
#include "wire/region.hh"

namespace rove::warden {

/// Pages as they go over the wire: header and content of many ranges at a time, as most are a page
/// or two.
class PageStream {
public:
    /// Reads what cannot be read like the rest, as it is not readable for the program.
    using ReadHard = std::function<Status(uint64_t from, void* to, size_t count)>;

    /// `token`: of the session that the pages go to; begin() comes first.
    PageStream(
        pid_t pid, ReadHard read_hard, int socket, Staging& staging, std::string const& token)
        : pid_(pid),
          read_hard_(std::move(read_hard)),
          socket_(socket),
          staging_(staging),
          line_(seal::Use::pages, seal::Side::home, token) {}

    /// The other side must be about to receive.
    Status begin(Nanos patience) {
        patience_ = patience;
        TRY(line_.begin(socket_));
        return line_.meet(socket_, patience);
    }

    /// How much of it there is room for; 0: flush first.
    uint64_t add(uint64_t address, uint64_t length) {
        if (there_.size() == pieces_max ||
            Staging::chunk_size - used_ < sizeof(wire::PageHeader) + page)
            return 0;
        uint64_t room = (Staging::chunk_size - used_ - sizeof(wire::PageHeader)) & ~(page - 1);
        wire::PageHeader header{address, std::min(length, room)};
        put(header);
        here_.push_back({staging_.chunk() + used_, header.length});
        there_.push_back({reinterpret_cast<void*>(address), header.length});
        used_ += header.length;
        return header.length;
    }

    Status flush() {
        size_t wanted = 0;
        for (auto const& piece : here_)
            wanted += piece.iov_len;
        ssize_t got =
            process_vm_readv(pid_, here_.data(), here_.size(), there_.data(), there_.size(), 0);
        for (size_t i = 0; i < here_.size() && got != static_cast<ssize_t>(wanted); ++i)
            TRY(read_hard_(reinterpret_cast<uint64_t>(there_[i].iov_base), here_[i].iov_base,
                here_[i].iov_len));
        if (used_ > 0) TRY(send());
        sent_ += used_;
        used_ = 0;
        here_.clear();
        there_.clear();
        return {};
    }

    Status end() {
        TRY(flush());
        put(wire::PageHeader{~0ull, 0});
        return flush();
    }

    uint64_t sent() const { return sent_; } // bytes, headers included

private:
    static constexpr size_t pieces_max = 512; // below the kernel's limit of 1024
    static constexpr uint64_t page = 4096;
    Status send() {
        if (!line_) return staging_.send(socket_, used_);
        auto const* bytes = reinterpret_cast<uint8_t const*>(staging_.chunk());
        return line_.send(socket_, ByteView(bytes, used_), patience_);
    }
    void put(wire::PageHeader const& header) {
        std::memcpy(staging_.chunk() + used_, &header, sizeof header);
        used_ += sizeof header;
    }

    pid_t pid_;
    ReadHard read_hard_;
    int socket_;
    Staging& staging_;
    SealedLine line_;
    Nanos patience_{0};
    size_t used_ = 0;
    uint64_t sent_ = 0;
    std::vector<iovec> here_, there_;
};

} // namespace rove::warden
