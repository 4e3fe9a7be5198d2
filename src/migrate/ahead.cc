// SPDX-License-Identifier: Apache-2.0
// Ahead: what of a homecoming is done while the program still runs at the host.
//
// Rounds of pages (pre-copy): the host says which were written since it was last asked, and sends
// them; P's memory takes them, as its deputies do not use it. What is written meanwhile is the next
// round's, and what the last one leaves is sent when the program stands still.
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <utility>

#include "base/log.hh"
#include "image/layout.hh"
#include "migrate/steward.hh"
#include "tracee/pagemap.hh"
#include "warden/mapping.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {

constexpr Nanos answer_patience = std::chrono::seconds(5);
constexpr uint64_t slice_max = 16 << 20; // links of new threads wait for as long as that takes
constexpr uint64_t little = 1 << 20;     // a millisecond's worth: not worth another round
constexpr int rounds_max = 8;
constexpr uint64_t page = 4096;

// Where pages can be put without changing anything: P's own memory, where it is writable.
std::vector<wire::Range> writable(std::vector<image::Mapping> const& mappings, uint64_t region) {
    std::vector<wire::Range> ranges;
    for (auto const& mapping : mappings)
        if (!mapping.shared && (mapping.prot & PROT_WRITE) != 0 &&
            !image::is_foreign(mapping, region))
            ranges.push_back({mapping.start, mapping.end - mapping.start});
    return ranges;
}

} // namespace

// A connection for the pages, whose other end is the porter's, and at the host what it can make or
// look up.
Result<Steward::PageLine> Steward::open_page_line() {
    PageLine line;
    line.ours = TRY(connect_to(session_->landing(), wire::Kind::pages, 0, session_->epoch()));
    TRY(session_->receive());
    session_->forget({SessionType::reached, SessionType::scanned});
    TRY(session_->send(SessionType::reach, wire::SendPages{}));
    line.there = TRY(body_.porter().take_fd(line.ours.number(), TRY(body_.control()).fd_first));
    return line;
}

Status Steward::fetch(
    PageLine& pages, std::vector<wire::Range> const& ranges, bool more, Progress& progress) {
    auto& porter = body_.porter();
    TRY(porter.send(wire::ExecOp::receive,
        {static_cast<uint64_t>(pages.there), more ? uint64_t{1} : 0, remapped_}));
    wire::SendPages wish;
    wish.ranges = ranges;
    wish.more = more ? 1 : 0;
    TRY(session_->send(SessionType::send_pages, wish));
    progress.bytes += wire::bytes_of(ranges);
    if (more) progress.ahead += wire::bytes_of(ranges);
    auto received = porter.wait(std::chrono::hours(1));
    if (!received || received->result < 0)
        (void)::shutdown(pages.ours.number(), SHUT_RDWR); // or one of them would wait for ever
    if (!received) return Failure(received.error());
    if (received->result < 0)
        return fail(static_cast<int>(-received->result), "the pages from {} did not arrive", host_);
    TRY(session_->wait({SessionType::pages_sent}, answer_patience));
    if (returning_) returning_->renew(ranges);
    return {};
}

// Ends when next to nothing is left, or when the program writes as fast as its pages come.
Status Steward::fetch_ahead(
    PageLine& pages, std::vector<image::Mapping> const& mappings, Progress& progress) {
    if (!deputys_) return {}; // a former steward knew which pages deputies use
    uint64_t last = ~uint64_t{0};
    for (int round = 0; round < rounds_max; ++round) {
        auto written = TRY(take_written_there());
        if (!written) return {};
        auto wanted = warden::subtract(
            warden::intersect(*written, writable(mappings, body_.region())), *deputys_);
        uint64_t bytes = wire::bytes_of(wanted);
        if (bytes <= little || bytes > last / 2) return {};
        last = bytes;
        for (auto rest = wanted; !rest.empty();) {
            auto slice = take_slice(rest, slice_max);
            TRY(fetch(pages, slice, true, progress));
            held_ = warden::unite(held_, slice);
            serve_without_moving();
            TRY(keep_sessions());
        }
    }
    return {};
}

// Pages where it had some when it left, which it has most likely still. To make one takes as long
// as to receive it. Of a large process it would be home's memory for too long. Those that are held
// are not made: should one be lost, it must be seen.
void Steward::make_pages() {
    if (wire::bytes_of(last_layout_.present) > wire::kept_bytes_max) return;
    for (auto const& batch :
        warden::populate_batches(warden::subtract(last_layout_.present, held_))) {
        std::string_view ranges(
            reinterpret_cast<char const*>(batch.data()), batch.size() * sizeof batch[0]);
        if (!body_.porter().perform(wire::ExecOp::populate, {}, ranges))
            return; // they are made when they come
    }
}

// Pages that the kernel may have taken without a word: written to, it takes them no more, and those
// that it has taken by then are zeros.
Status Steward::secure_held(std::vector<image::Mapping> const& mappings) {
    if (!std::exchange(lazily_held_, false)) return {};
    constexpr uint64_t most = uint64_t{wire::executor_inline_max} * 8; // pages in an answer
    auto& porter = body_.porter();
    auto wanted = warden::intersect(held_, writable(mappings, body_.region()));
    held_.clear();
    for (auto const& batch : warden::populate_batches(wanted)) {
        std::string_view ranges(
            reinterpret_cast<char const*>(batch.data()), batch.size() * sizeof batch[0]);
        if (!porter.perform(wire::ExecOp::populate, {}, ranges)) return {};
    }
    Ranges filled;
    while (!wanted.empty()) {
        auto part = take_slice(wanted, std::min(wanted.front().length, most * page)).front();
        auto bits =
            porter.perform(wire::ExecOp::filled, {part.address, part.length / page, remapped_});
        if (!bits) return {}; // something has been mapped since
        if (bits->bytes.size() < (part.length / page + 7) / 8)
            return fail(EPROTO, "the porter tells too little");
        for (uint64_t i = 0; i < part.length / page; ++i) {
            if ((bits->bytes[i / 8] >> i % 8 & 1) == 0) continue;
            uint64_t at = part.address + i * page;
            if (!filled.empty() && filled.back().address + filled.back().length == at)
                filled.back().length += page;
            else
                filled.push_back({at, page});
        }
        TRY(keep_sessions());
    }
    held_ = std::move(filled);
    return {};
}

// A deputy that maps something takes the pages away that lay there, even if nothing comes of it at
// the host. Asked before anything is made or fetched, as a huge page would cover a loss.
Result<std::vector<image::Mapping>> Steward::look_at_held() {
    uint32_t remapped =
        TRY(body_.control()).remapped; // first: what is mapped later makes it differ
    auto mappings = TRY(tracee::whole_mappings(body_.pid(), "smaps"));
    if (remapped == remapped_) return mappings;
    std::vector<wire::Range> there;
    auto pagemap = TRY(tracee::Pagemap::open(body_.pid()));
    for (auto const& mapping : mappings)
        if (!image::is_foreign(mapping, body_.region()))
            TRY(pagemap.private_pages(mapping.start, mapping.end,
                mapping.inode != 0 ? tracee::Backing::file : tracee::Backing::nothing, there));
    held_ = warden::intersect(held_, there);
    remapped_ = remapped;
    return mappings;
}

} // namespace rove::migrate
