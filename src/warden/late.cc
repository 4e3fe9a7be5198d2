// SPDX-License-Identifier: Apache-2.0
// Late: pages of a guest that come when it runs already (post-copy).
//
// Home says which they are before the last layout. There is nothing where they will be, and whoever
// touches one waits: the warden hears of it (page_faults.hh), asks home, and puts there what comes.
// The guest's own descriptor table has the userfaultfd as well: if the warden died, the kernel
// would else let the guest find zeros before it ends it.
//
// Nothing here reads the guest's memory outside of the region: it would wait for itself.
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/fault.hh"
#include "base/log.hh"
#include "image/layout.hh"
#include "sys/process.hh"
#include "warden/household.hh"
#include "warden/mapping.hh"
#include "warden/numbers.hh"
#include "warden/warden.hh"

namespace rove::warden {

using wire::ExecOp;
using wire::ExecReply;
using wire::SessionType;

namespace {

constexpr uint64_t page = 4096;
constexpr Nanos put_patience = std::chrono::seconds(10);
constexpr wire::Range everything{0, ~uint64_t{0}};

bool is_own_memory(image::Mapping const& mapping) {
    return !mapping.shared && mapping.inode == 0 && !mapping.path.starts_with("[v");
}

} // namespace

Status Warden::expect_late(wire::Pages const& pages) {
    FAULT_POINT("warden_late");
    if (!household_.userfaults())
        return deny(ENOTSUP, "{} cannot wait for pages of a guest that runs", order_.node);
    if (late_) return fail(EPROTO, "late pages twice");
    wire::Layout checked;
    checked.present = pages.ranges;
    TRY(check_layout(checked, prepare_->region));
    late_.emplace(pages.ranges);
    watch_.reset(); // both watch what the same mappings do
    return {};
}

// When all that comes in the freeze has come, and before any thread can touch it. A page that was
// made, or came, ahead is nothing now, and so is what a huge page has brought along.
void Warden::watch_late() {
    auto failed = [this](Error const& error) {
        if (ended_) return;
        trouble("", error);
        end("it failed before the commit");
    };
    std::vector<wire::ExecCall> calls;
    for (auto const& range : late_->within(everything))
        calls.push_back(call_of(SYS_madvise, {range.address, range.length, MADV_DONTNEED}, 0));
    builder_.calls(calls, [failed](Status done) {
        if (!done) failed(done.error());
    });
    auto device = sys::duplicate(household_.userfaults().number());
    if (!device) return failed(device.error());
    builder_.give(
        std::move(*device), faults_number, [failed](ExecReply const& reply, std::string_view) {
            if (reply.result != faults_number)
                failed(Error(EPROTO, fmt::format("it got number {}", reply.result)));
        });
    builder_.command(ExecOp::call,
        {faults_number, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK, 0, 0, 0, SYS_ioctl}, {},
        [this, failed](ExecReply const& reply, std::string_view) {
            if (reply.result < 0)
                return failed(Error(static_cast<int>(-reply.result), "it cannot wait for pages"));
            auto made = static_cast<uint64_t>(reply.result);
            builder_.calls({call_of(SYS_dup3, {made, faults_number, O_CLOEXEC}, faults_number),
                               call_of(SYS_close, {made}, 0)},
                [this, failed](Status done) {
                    if (ended_) return;
                    if (done) done = begin_faults();
                    if (!done) return failed(done.error());
                    received_ = true;
                    import_threads();
                });
        });
}

Status Warden::begin_faults() {
    faults_.emplace(TRY(PageFaults::begin(TRY(sys::pidfd_getfd(guest_->pidfd(), faults_number)))));
    uint64_t watched = 0;
    std::vector<wire::Vma> own;
    for (auto const& vma : target_.vmas) {
        wire::Range whole{vma.start, vma.end - vma.start};
        auto here = late_->within(whole);
        if (here.empty()) continue;
        if (vma.kind != wire::VmaKind::anonymous || (vma.advice & image::advice_shared) != 0)
            return fail(EBADMSG, "late pages in what is not the program's own memory");
        TRY(faults_->watch(whole));
        watched += wire::bytes_of(here);
        own.push_back(vma);
    }
    // From here on the kernel makes no huge page any more that would cover one.
    for (auto const& range : TRY(guest_->private_pages(own)))
        if (!late_->within(range).empty())
            return fail(EBUSY, "something is at {:#x}, where pages are to come", range.address);
    if (watched != late_->bytes()) return fail(EBADMSG, "late pages where nothing is mapped");
    late_open_ = true;
    loop_.watch(faults_->number(), POLLIN, [this](short) { serve_faults(); });
    return {};
}

void Warden::serve_faults() {
    for (auto const& event : faults_->read()) {
        if (event.what == PageFaults::Event::What::emptied) {
            late_->remove(event.range);
            faults_->wake(event.range); // who waits there finds out what it is now
        } else if (!late_->within(event.range).empty()) {
            late_->want(event.range);
        } else {
            faults_->put_nothing(event.range.address);
        }
    }
    ask_late();
    late_over();
}

void Warden::ask_late() {
    if (!late_ || !control_) return;
    while (auto wanted = late_->next(stage_ < Stage::running))
        if (!send(SessionType::late_wanted, *wanted)) return; // another steward is asked again
}

// A guest with a page that is not what it should be must not go on.
Status Warden::take_late(wire::LateBytes const& part) {
    if (!late_ || !faults_) return fail(EPROTO, "late pages that nobody expects");
    auto put = put_late(part);
    if (!put) {
        (void)signal_guest(SIGKILL);
        return put;
    }
    answer_brought();
    ask_late();
    late_over();
    return {};
}

Status Warden::put_late(wire::LateBytes const& part) {
    (void)fault_point("warden_late_bytes");
    uint64_t length = part.bytes.size();
    if (part.address % page != 0 || length % page != 0 || part.address > address_end - length)
        return fail(EBADMSG, "late pages at {:#x} +{:#x}", part.address, length);
    late_->answered(length);
    Deadline deadline = Deadline::after(put_patience);
    for (;;) {
        // What has been unmapped or emptied since it was asked for is nobody's.
        auto pieces = late_->within({part.address, length});
        if (pieces.empty()) return {};
        auto const& piece = pieces.front();
        uint64_t put = TRY(faults_->put(piece, part.bytes.data() + (piece.address - part.address)));
        late_->remove({piece.address, put});
        if (put == piece.length) continue;
        if (deadline.passed()) return fail(ETIMEDOUT, "the guest does not let its pages come");
        pollfd event{faults_->number(), POLLIN, 0};
        (void)::poll(&event, 1, 1);
        serve_faults();
    }
}

// They are all there. What is not, by now, is zeros, and the kernel's business again.
void Warden::late_over() {
    if (!late_open_ || !late_->empty() || stage_ < Stage::running) return;
    late_open_ = false;
    answer_brought();
    (void)guest_->put(guest_->control_field(offsetof(wire::Control, lacks)), uint32_t{0});
    auto mappings = guest_->maps();
    for (auto const& mapping : mappings ? *mappings : std::vector<image::Mapping>{})
        if (is_own_memory(mapping)) faults_->unwatch({mapping.start, mapping.end - mapping.start});
    watch_from_now();
    LOG(debug, "all of its pages have come");
    (void)send(SessionType::late_over, wire::Empty{});
    (void)fault_point("warden_late_over");
}

// All that is there counts as written.
void Warden::watch_from_now() {
    auto fds = std::exchange(later_watch_, std::nullopt);
    auto vmas = guest_->mappings(segments_, known_mappings_);
    auto watch = fds && vmas ? WriteWatch::begin(std::move(*fds), {}, {})
                             : Result<WriteWatch>(Failure(Error(ENOTSUP, "there is none")));
    if (!watch) return;
    watch->widen(*vmas);
    watch_.emplace(std::move(*watch));
}

// A thread is about to do what cannot be done while they are at home.
void Warden::bring() {
    brought_ = asked_->slot == 0 ? everything
                                 : wire::Range{static_cast<uint64_t>(asked_->value),
                                       uint64_t{asked_->slot} * page};
    if (lacks_pages() && asked_->slot != 0) late_->want(brought_);
    answer_brought();
    ask_late();
}

void Warden::answer_brought() {
    if (!asked_ || asked_->type != wire::ServiceType::bring_pages) return;
    if (late_ && !late_->within(brought_).empty()) return;
    answer_guest(0, {});
}

} // namespace rove::warden
