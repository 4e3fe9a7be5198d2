// SPDX-License-Identifier: Apache-2.0
// Pages: see pages.hh. The cheapest sender measured is vmsplice + splice, the cheapest receiver is
// recv into pages that have been faulted in before.
#include "rt/pages.hh"

#include "rt/executor.hh"
#include "rt/slot.hh"
#include "rt/sys.hh"
#include "rt/vectors.hh"

namespace rove::rt {

using wire::PageHeader;
using wire::PageRange;

namespace {

struct Message {
    uint64_t name = 0;
    uint32_t name_length = 0, padding = 0;
    uint64_t vectors = 0, vector_count = 0, space = 0, space_length = 0;
    uint32_t flags = 0, padding2 = 0;
};

constexpr uint64_t lend_from = 64 * 1024; // below this a copy is cheaper than two splices
constexpr int gather_max = 128;

long send_vectors(int fd, Vector* vectors, int count, int flags) {
    Message message;
    while (count > 0) {
        message.vectors = word(vectors);
        message.vector_count = static_cast<uint64_t>(count);
        long put = sys(46, fd, &message, 0x4000 | flags);
        if (put == -4) continue;
        if (put <= 0) return put == 0 ? -32 : put;
        pass(vectors, count, static_cast<uint64_t>(put));
    }
    return 0;
}

/// A pipe as wide as it may be; -1 in both when there is none to be had.
struct Pipe {
    int ends[2] = {-1, -1};
    Pipe() {
        if (sys(293, ends, 0x80000) < 0) {
            ends[0] = ends[1] = -1;
            return;
        }
        sys(72, ends[1], 1031, 1 << 20); // F_SETPIPE_SZ
    }
    ~Pipe() {
        if (ends[0] >= 0) {
            sys(3, ends[0]);
            sys(3, ends[1]);
        }
    }
    Pipe(Pipe const&) = delete;
    Pipe& operator=(Pipe const&) = delete;
};

long lend(int fd, Pipe& pipe, uint64_t address, uint64_t length) {
    while (length > 0) {
        Vector vector{address, length};
        long in = sys(278, pipe.ends[1], &vector, 1, 0); // vmsplice
        if (in == -4) continue;
        if (in <= 0) return in == 0 ? -32 : in;
        for (long left = in; left > 0;) {
            long out = sys(275, pipe.ends[0], 0, fd, 0, left, 5); // splice, MOVE | MORE
            if (out == -4) continue;
            if (out <= 0) return out == 0 ? -32 : out;
            left -= out;
        }
        address += static_cast<uint64_t>(in);
        length -= static_cast<uint64_t>(in);
    }
    return 0;
}

} // namespace

long send_pages(int fd, PageRange const* ranges, uint64_t count, bool end_mark) {
    Pipe pipe;
    PageHeader headers[gather_max / 2];
    Vector vectors[gather_max];
    int used = 0;
    long total = 0;
    for (uint64_t i = 0; i < count; ++i) {
        auto const& range = ranges[i];
        bool lent = range.length >= lend_from && pipe.ends[0] >= 0;
        headers[used / 2] = {range.address, range.length};
        vectors[used] = {word(&headers[used / 2]), sizeof(PageHeader)};
        vectors[used + 1] = {range.address, lent ? 0 : range.length};
        used += 2;
        total += static_cast<long>(range.length);
        if (lent || used == gather_max || i + 1 == count) {
            if (long error = send_vectors(fd, vectors, used, 0x8000)) return error; // MSG_MORE
            used = 0;
        }
        if (lent) {
            if (long error = lend(fd, pipe, range.address, range.length)) return error;
        }
    }
    if (end_mark) {
        PageHeader end{~0ull, 0};
        if (!write_exactly(fd, &end, sizeof end)) return -32;
    }
    return total;
}

namespace {

// Fills all of them, with as few calls as the kernel lets it.
long receive_vectors(int fd, Vector* vectors, int count) {
    Message message;
    while (count > 0) {
        message.vectors = word(vectors);
        message.vector_count = static_cast<uint64_t>(count);
        long got = sys(47, fd, &message, 0x100); // recvmsg, MSG_WAITALL
        if (got == -4) continue;
        if (got <= 0) return got == 0 ? -32 : got;
        pass(vectors, count, static_cast<uint64_t>(got));
    }
    return 0;
}

} // namespace

bool is_page_range(PageHeader const& header) {
    if (header.length == 0 || header.length > (1ull << 46)) return false;
    return header.address >= region_base() + wire::region_size ||
           header.address + header.length <= region_base();
}

// With each range comes the next one's header.
long receive_pages(int fd) {
    long total = 0;
    PageHeader header, next;
    if (!read_exactly(fd, &header, sizeof header)) return -32;
    for (;; header = next) {
        if (header.address == ~0ull) return header.length == 0 ? total : -71;
        if (!is_page_range(header)) return -71;
        Vector vectors[] = {{header.address, header.length}, {word(&next), sizeof next}};
        if (long error = receive_vectors(fd, vectors, 2)) return error;
        total += static_cast<long>(header.length);
    }
}

long populate(PageRange const* ranges, uint64_t count) {
    long total = 0;
    for (uint64_t i = 0; i < count; ++i) {
        // An error is no failure: pages that are not there yet are made by the receiving call.
        if (sys(28, ranges[i].address, ranges[i].length, 23) == 0) { // MADV_POPULATE_WRITE
            total += static_cast<long>(ranges[i].length);
        }
    }
    return total;
}

void mark_filled(uint64_t address, uint64_t count, unsigned char* bits) {
    constexpr uint64_t page = 4096;
    for (uint64_t i = 0; i < count; ++i) {
        if (i % 8 == 0) bits[i / 8] = 0;
        auto const* words = reinterpret_cast<uint64_t const volatile*>(address + i * page);
        for (uint64_t at = 0; at < page / 8; ++at) {
            if (words[at] == 0) continue;
            bits[i / 8] = static_cast<unsigned char>(bits[i / 8] | 1 << i % 8);
            break;
        }
    }
}

} // namespace rove::rt
