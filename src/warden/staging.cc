// SPDX-License-Identifier: Apache-2.0
// Staging: see staging.hh.
#include "warden/staging.hh"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "sys/sockets.hh"

namespace rove::warden {

Result<Staging> Staging::make(size_t bytes) {
    constexpr size_t chunks_max = 64;
    constexpr int pipe_size = 1 << 20;
    size_t chunks = std::clamp((bytes + chunk_size - 1) / chunk_size, size_t{1}, chunks_max);
    Staging made;
    made.size_ = chunks * chunk_size;
    void* memory =
        mmap(nullptr, made.size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return fail(errno, "no memory for pages that are to be sent");
    made.begin_ = static_cast<char*>(memory);
    (void)madvise(memory, made.size_, MADV_HUGEPAGE);
    (void)madvise(memory, made.size_, MADV_POPULATE_WRITE); // else they are made one by one
    made.pipe_ = TRY(sys::pipe(0));
    (void)fcntl(made.pipe_.writer.number(), F_SETPIPE_SZ, pipe_size);
    return made;
}

Staging::~Staging() {
    if (begin_) munmap(begin_, size_); // what the network still holds lives on without it
}

Status Staging::send(int socket, size_t count) {
    bool last = at_ + chunk_size >= size_; // used again and again
    if (last)
        return sys::send_all(socket, ByteView(reinterpret_cast<uint8_t const*>(chunk()), count));
    char* from = chunk();
    at_ += chunk_size;
    return lend(socket, from, count);
}

Status Staging::lend(int socket, char* from, size_t count) {
    while (count > 0) {
        iovec piece{from, count};
        ssize_t in = vmsplice(pipe_.writer.number(), &piece, 1, 0);
        if (in < 0 && errno == EINTR) continue;
        if (in <= 0) return fail(in < 0 ? errno : EPIPE, "cannot lend pages");
        from += in;
        count -= static_cast<size_t>(in);
        for (auto left = static_cast<size_t>(in); left > 0;) {
            ssize_t out = splice(pipe_.reader.number(), nullptr, socket, nullptr, left,
                count > 0 ? SPLICE_F_MORE : 0);
            if (out < 0 && errno == EINTR) continue;
            if (out <= 0) return fail(out < 0 ? errno : EPIPE, "cannot send pages");
            left -= static_cast<size_t>(out);
        }
    }
    return {};
}

} // namespace rove::warden
