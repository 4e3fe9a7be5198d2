// SPDX-License-Identifier: Apache-2.0
// Sealed pages: see sealed_pages.hh.
#include "rt/sealed_pages.hh"

#include "rt/executor.hh"
#include "rt/memory.hh"
#include "rt/pages.hh"
#include "rt/slot.hh"
#include "rt/sys.hh"
#include "rt/vectors.hh"
#include "seal/stream.hh"

namespace rove::rt {

using wire::PageHeader;
using wire::PageRange;

namespace {

constexpr long broken_pipe = -32, bad_address = -14, protocol = -71, no_entropy = -5;
constexpr int more_follows = 0x8000;

bool make_salt(unsigned char* salt) {
    return sys(318, salt, seal::salt_size, 0) == static_cast<long>(seal::salt_size); // getrandom
}

/// The session's.
seal::Purpose purpose_of(wire::Token const& token) {
    seal::Purpose purpose;
    static_assert(sizeof purpose == sizeof token.said);
    memcpy(&purpose, token.said, sizeof purpose);
    return purpose;
}

/// Of this process.
bool read_memory(uint64_t from, void* to, uint64_t n) {
    Vector here{word(to), n}, there{from, n};
    return sys(310, sys(39), &here, 1, &there, 1, 0) == static_cast<long>(n);
}
bool write_memory(uint64_t to, void const* from, uint64_t n) {
    Vector here{word(from), n}, there{to, n};
    return sys(311, sys(39), &here, 1, &there, 1, 0) == static_cast<long>(n);
}

long send_record(int fd, void const* record, uint64_t length, int flags) {
    auto const* at = static_cast<unsigned char const*>(record);
    while (length > 0) {
        long put = sys(44, fd, at, length, 0x4000 | flags); // MSG_NOSIGNAL
        if (put == -4) continue;
        if (put <= 0) return put == 0 ? broken_pipe : put;
        at += put;
        length -= static_cast<uint64_t>(put);
    }
    return 0;
}

/// Fills records, and sends each when it is full.
class Sender {
public:
    Sender(int fd, wire::Token const& token) : fd_(fd), token_(token) {}

    long begin() {
        unsigned char salt[seal::salt_size], record[seal::salt_record_size];
        if (!make_salt(salt)) return no_entropy;
        seal::begin(stream_, seal::Use::pages, seal::Side::home, salt, record);
        if (long error = send_record(fd_, record, sizeof record, 0)) return error;
        if (!read_exactly(fd_, record, sizeof record)) return broken_pipe;
        if (seal::find(record, sizeof record).what != seal::Found::What::salt) return protocol;
        seal::agree(stream_, token_.secret, purpose_of(token_), record + seal::head_size);
        return 0;
    }

    long add(uint64_t from, uint64_t n, bool of_program) {
        while (n > 0) {
            // Not before something follows: what is said to be followed waits for that.
            if (used_ == seal::text_max)
                if (long error = flush(more_follows)) return error;
            uint64_t part = seal::text_max - used_;
            if (part > n) part = n;
            unsigned char* to = record_ + seal::head_size + used_;
            if (!of_program)
                memcpy(to, reinterpret_cast<void const*>(from), part);
            else if (!read_memory(from, to, part))
                return bad_address;
            used_ += part;
            from += part;
            n -= part;
        }
        return 0;
    }

    long flush(int flags) {
        if (used_ == 0) return 0;
        uint64_t length = seal::put(stream_, record_ + seal::head_size, used_, record_);
        used_ = 0;
        return send_record(fd_, record_, length, flags);
    }

private:
    int fd_;
    wire::Token const& token_;
    uint64_t used_ = 0;
    seal::Stream stream_;
    alignas(16) unsigned char record_[seal::record_max];
};

/// What has come, record by record; the last one's text is kept until it is asked for.
class Receiver {
public:
    Receiver(int fd, wire::Token const& token) : fd_(fd), token_(token) { stream_.begun = 0; }

    long take(uint64_t to, uint64_t n, bool of_program) {
        while (n > 0) {
            if (begin_ == end_) {
                if (long error = next()) return error;
                continue;
            }
            uint64_t part = end_ - begin_ < n ? end_ - begin_ : n;
            unsigned char const* from = record_ + begin_;
            if (!of_program)
                memcpy(reinterpret_cast<void*>(to), from, part);
            else if (!write_memory(to, from, part))
                return bad_address;
            begin_ += part;
            to += part;
            n -= part;
        }
        return 0;
    }

private:
    long next() {
        using What = seal::Found::What;
        if (!read_exactly(fd_, record_, seal::head_size)) return broken_pipe;
        auto found = seal::find(record_, seal::head_size);
        if (found.whole <= seal::head_size || found.whole > sizeof record_) return protocol;
        if (!read_exactly(fd_, record_ + seal::head_size, found.whole - seal::head_size))
            return broken_pipe;
        found = seal::find(record_, found.whole);
        if (found.what == What::salt) return meet();
        if (found.what != What::text || !seal::take(stream_, record_, found, record_))
            return protocol;
        begin_ = 0;
        end_ = found.length;
        return 0;
    }

    long meet() {
        unsigned char salt[seal::salt_size], record[seal::salt_record_size];
        if (!make_salt(salt)) return no_entropy;
        seal::begin(stream_, seal::Use::pages, seal::Side::host, salt, record);
        seal::agree(stream_, token_.secret, purpose_of(token_), record_ + seal::head_size);
        return send_record(fd_, record, sizeof record, 0);
    }

    int fd_;
    wire::Token const& token_;
    uint64_t begin_ = 0, end_ = 0;
    seal::Stream stream_;
    alignas(16) unsigned char record_[seal::record_max];
};

} // namespace

long send_pages_sealed(
    int fd, PageRange const* ranges, uint64_t count, bool end_mark, wire::Token const& token) {
    Sender sender(fd, token);
    if (long error = sender.begin()) return error;
    long total = 0;
    for (uint64_t i = 0; i < count; ++i) {
        PageHeader header{ranges[i].address, ranges[i].length};
        if (long error = sender.add(word(&header), sizeof header, false)) return error;
        if (long error = sender.add(header.address, header.length, true)) return error;
        total += static_cast<long>(header.length);
    }
    PageHeader end{~0ull, 0};
    if (end_mark)
        if (long error = sender.add(word(&end), sizeof end, false)) return error;
    if (long error = sender.flush(0)) return error;
    return total;
}

long receive_pages_sealed(int fd, wire::Token const& token) {
    Receiver receiver(fd, token);
    for (long total = 0;;) {
        PageHeader header;
        if (long error = receiver.take(word(&header), sizeof header, false)) return error;
        if (header.address == ~0ull) return header.length == 0 ? total : protocol;
        if (!is_page_range(header)) return protocol;
        if (long error = receiver.take(header.address, header.length, true)) return error;
        total += static_cast<long>(header.length);
    }
}

} // namespace rove::rt
