// SPDX-License-Identifier: Apache-2.0
// Memory in: the layout is mapped in a guest that arrives, and its pages are received.
//
// The guest's builder performs lists of commands in order, so a step is queued as a whole and its
// last command's reply ends it.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <memory>

#include "base/fault.hh"
#include "sys/files.hh"
#include "warden/household.hh"
#include "warden/mapping.hh"
#include "warden/numbers.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::ExecCall;
using wire::ExecOp;
using wire::ExecReply;
using wire::SessionType;
using wire::Vma;
using wire::VmaKind;

Status Warden::bring(wire::Layout layout) {
    if (auto sound = check_layout(layout, prepare_->region); !sound) return sound;
    target_ = std::move(layout);
    auto used = segments_used(target_.vmas);
    if (auto vdso = other_vdso()) used.push_back(*vdso);
    auto missing = TRY(segments_.open(target_.segments, used));
    segments_missing_ = !missing.empty();
    if (stage_ == Stage::building || segments_missing_) {
        TRY(send(SessionType::segments_wanted, wire::SegmentsWanted{missing}));
    }
    if (!segments_missing_) apply_layout();
    return {};
}

void Warden::apply_layout() {
    std::vector<Vma> wanted = writable_where_present(target_.vmas, target_.present);
    std::vector<ExecCall> calls;
    if (first_layout_) {
        auto cleared = clear_address_space(target_.vmas);
        if (!cleared) {
            trouble("other_kernel_vdso", cleared.error());
            return end("it failed before the commit");
        }
        calls = std::move(*cleared);
        first_layout_ = false;
    }
    apply_to_kept(wanted);
    std::map<uint32_t, int> numbers;
    auto mapping = mapping_calls(applied_, wanted, [&](uint32_t segment) {
        auto [found, fresh] =
            numbers.try_emplace(segment, segments_first + static_cast<int>(numbers.size()));
        return found->second;
    });
    // In the order of their numbers, so that each lands on its own.
    std::map<int, uint32_t> in_order;
    for (auto const& [segment, number] : numbers)
        in_order[number] = segment;
    for (auto const& [number, segment] : in_order) {
        auto duplicate = sys::duplicate(segments_.number(segment));
        if (!duplicate) {
            trouble("", duplicate.error());
            return end("it failed before the commit");
        }
        builder_.give(std::move(*duplicate), static_cast<uint64_t>(number),
            [](ExecReply const&, std::string_view) {});
    }
    calls.insert(calls.end(), mapping.begin(), mapping.end());
    for (auto const& [number, segment] : in_order)
        calls.push_back(call_of(SYS_close, {static_cast<uint64_t>(number)}, 0));
    builder_.calls(calls, [this](Status done) {
        if (done) return;
        trouble("", done.error());
        end("it failed before the commit");
    });
    applied_ = std::move(wanted);
    if (huge_.empty()) {
        huge_ = worth_huge_pages(target_.vmas, target_.present);
        std::vector<ExecCall> advice;
        for (auto const& range : huge_)
            advice.push_back(call_of(
                SYS_madvise, {range.address, range.length, MADV_HUGEPAGE}, whatever_result));
        builder_.calls(advice, [](Status) {});
    }
    // Huge pages are made when their content comes, one fault for 512 pages: a page that has just
    // been cleared is still in the cache, and clearing goes on while the sender works.
    auto small = subtract(subtract(target_.present, populated_), huge_);
    for (auto const& batch : populate_batches(small)) {
        std::string_view bytes(
            reinterpret_cast<char const*>(batch.data()), batch.size() * sizeof batch[0]);
        builder_.command(ExecOp::populate, {}, bytes, [](ExecReply const&, std::string_view) {});
    }
    populated_ = target_.present;
    builder_.calls({}, [this](Status) { laid_out(); });
    serve_builder();
}

void Warden::laid_out() {
    if (ended_) return;
    bool first = stage_ == Stage::building;
    enter(first ? Stage::prepared : Stage::arriving);
    prepared_.takes_late = household_.userfaults() ? 1 : 0;
    if (first) return (void)send(SessionType::prepared, std::exchange(prepared_, {}));
    (void)send(SessionType::laid_out, wire::Empty{});
    receive_pages();
}

// Once; it is used for each round.
void Warden::give_page_line() {
    if (!pages_) return;
    builder_.give(std::move(pages_), pages_number, [](ExecReply const&, std::string_view) {});
    pages_ = Fd();
    page_line_given_ = true;
}

// A round, while the program still runs where it was. Where these pages go is mapped by now, and
// writable: the steward sends no others.
Status Warden::take_ahead() {
    FAULT_POINT("warden_ahead");
    give_page_line();
    if (!page_line_given_) return fail(EPROTO, "there is no page connection");
    builder_.command(
        ExecOp::receive, {pages_number}, {}, [this](ExecReply const& reply, std::string_view) {
            if (reply.result < 0) {
                trouble("", Error(static_cast<int>(-reply.result), "pages ahead did not come"));
                return end("it failed before the commit");
            }
            wire::PagesDone done;
            done.bytes = static_cast<uint64_t>(reply.result);
            (void)send(SessionType::ahead_taken, done);
        });
    serve_builder();
    return {};
}

// Pages that the program has given up since they came, or that will come anew.
Status Warden::forget(wire::Pages const& pages) {
    wire::Layout checked;
    checked.present = pages.ranges;
    TRY(check_layout(checked, prepare_->region));
    std::vector<ExecCall> calls;
    for (auto const& range : pages.ranges)
        calls.push_back(
            call_of(SYS_madvise, {range.address, range.length, MADV_DONTNEED}, whatever_result));
    builder_.calls(calls, [](Status) {});
    serve_builder();
    return {};
}

void Warden::receive_pages() {
    give_page_line();
    if (!page_line_given_ || receiving_) return;
    receiving_ = true;
    builder_.command(
        ExecOp::receive, {pages_number}, {}, [this](ExecReply const& reply, std::string_view) {
            if (reply.result < 0) {
                trouble(
                    "", Error(static_cast<int>(-reply.result), "the guest's pages did not come"));
                return end("it failed before the commit");
            }
            received_bytes_ = static_cast<uint64_t>(reply.result);
        });
    watch_writes();
    auto calls = mapping_calls(applied_, target_.vmas, [](uint32_t) { return -1; });
    applied_ = target_.vmas;
    calls.push_back(call_of(SYS_close, {pages_number}, 0));
    builder_.calls(calls, [this](Status done) {
        if (done && late_) return watch_late();
        if (done) {
            received_ = true;
            return import_threads();
        }
        trouble("", done.error());
        end("it failed before the commit");
    });
    serve_builder();
}

// In the guest's own name, as the watch is one of its address space. Not every kernel can do it,
// and nothing but speed depends on it.
void Warden::watch_writes() {
    if (watch_) // of memory that was kept
        return builder_.calls({}, [this](Status) {
            watch_->widen(applied_);
            (void)guest_->take_written_pages(applied_);
        });
    constexpr uint64_t flags = O_CLOEXEC | UFFD_USER_MODE_ONLY;
    auto fds = std::make_shared<Userfaults>();
    for (Fd Userfaults::*which : {&Userfaults::watch, &Userfaults::probe})
        builder_.command(ExecOp::call, {flags, 0, 0, 0, 0, 0, SYS_userfaultfd}, {},
            [this, fds, which](ExecReply const& made, std::string_view) {
                if (made.result < 0 || ended_) return;
                auto there = static_cast<uint64_t>(made.result);
                (*fds).*which =
                    Fd(static_cast<int>(syscall(SYS_pidfd_getfd, guest_->pidfd(), there, 0)));
                builder_.command(ExecOp::call, {there, 0, 0, 0, 0, 0, SYS_close}, {},
                    [](ExecReply const&, std::string_view) {});
                if (!fds->watch || !fds->probe) return;
                if (late_) return (void)later_watch_.emplace(std::move(*fds));
                auto watch = WriteWatch::begin(std::move(*fds), applied_, target_.present);
                if (watch) watch_ = std::move(*watch);
            });
}

} // namespace rove::warden
