// SPDX-License-Identifier: Apache-2.0
// Preparing: what a host is told and brought before the program stands still, so that only pages
// and states are left for then: clocks, the layout as it is expected to be, the bytes of files.
#include <unistd.h>

#include "image/layout.hh"
#include "migrate/steward.hh"
#include "tracee/pagemap.hh"
#include "warden/blob_identity.hh"

namespace rove::migrate {

using wire::SessionType;

namespace {

constexpr Nanos short_patience = std::chrono::seconds(10);
constexpr Nanos prepare_patience = std::chrono::seconds(30);
constexpr int clock_questions = 8, clock_questions_least = 3;
constexpr Nanos quick_answer = std::chrono::microseconds(150);
constexpr uint64_t segment_part = 1 << 20;

// What home's clocks say at a moment of the host's. The host has read its own somewhere between
// question and answer, so the shortest round trip tells most exactly; the middle of it is taken.
Status compare_clocks(Session& session, wire::Prepare& prepare) {
    Nanos shortest = Nanos::max();
    for (int i = 0; i < clock_questions && (i < clock_questions_least || shortest > quick_answer);
         ++i) {
        Nanos asked = monotonic_now();
        TRY(session.send(SessionType::clock_request));
        auto answer = TRY(session.wait_for<wire::ClockReading>(SessionType::clock, short_patience));
        Nanos round_trip = monotonic_now() - asked;
        if (round_trip >= shortest) continue;
        shortest = round_trip;
        Clocks now = clocks_now();
        Nanos middle = asked + round_trip / 2, since = now.monotonic - middle;
        prepare.home_clock = {
            middle.count(), (now.boottime - since).count(), (now.realtime - since).count()};
        prepare.host_clock = answer;
    }
    return {};
}

} // namespace

Result<wire::Layout> Steward::layout_of(std::vector<image::Mapping> const& mappings) {
    wire::Layout layout;
    layout.vmas =
        TRY(image::to_vmas(mappings, body_.region(), [this](image::Mapping const& mapping) {
            return segments_.place(body_.pid(), &body_.memory(), mapping);
        }));
    TRY(name_vdso(layout));
    auto pagemap = TRY(tracee::Pagemap::open(body_.pid()));
    for (auto const& vma : layout.vmas) {
        if (vma.kind == wire::VmaKind::vdso || vma.kind == wire::VmaKind::vvar) continue;
        TRY(pagemap.private_pages(vma.start, vma.end, tracee::backing_of(vma), layout.present));
    }
    return layout;
}

// The host's kernel may be another, and its vdso is another then. Also takes the list of segments.
Status Steward::name_vdso(wire::Layout& layout) {
    uint32_t index = TRY(segments_.place_vdso());
    for (auto& vma : layout.vmas)
        if (vma.kind == wire::VmaKind::vdso) vma.segment = index;
    layout.segments = segments_.keys();
    return {};
}

Status Steward::send_segments(Session& session, std::vector<uint32_t> const& indexes) {
    for (uint32_t index : indexes)
        TRY(send_segment(session, index, index));
    return {};
}

Status Steward::send_segment(Session& session, uint32_t index, uint32_t their_index) {
    if (index >= segments_.keys().size())
        return fail(EBADMSG, "the host asks for segment {}", index);
    uint64_t length = segments_.keys()[index].length;
    for (uint64_t at = 0; at < length || at == 0; at += segment_part) {
        wire::SegmentBytes part{their_index, at, TRY(segments_.read(index, at, segment_part))};
        TRY(session.send(SessionType::segment, part));
        TRY(keep_sessions());
        if (session_ && &session == &*session_ && !stands()) serve_without_moving();
    }
    return {};
}

Result<wire::Prepared> Steward::prepare_host(Session& session, uint32_t epoch, wire::Layout layout,
    std::function<void()> const& before_files) {
    wire::Prepare prepare;
    prepare.identity = order_.identity;
    prepare.epoch = epoch;
    prepare.region = body_.region();
    prepare.blob = warden::blob_identity();
    TRY(compare_clocks(session, prepare));
    prepare.xsave_size = body_.format().size;
    prepare.xfeatures = body_.format().features;
    prepare.user = order_.user;
    prepare.command = order_.command;
    char name[256] = "";
    (void)::gethostname(name, sizeof name - 1);
    prepare.hostname = name;
    if (::getdomainname(name, sizeof name - 1) == 0) prepare.domainname = name;
    prepare.cpu_count = static_cast<uint32_t>(::sysconf(_SC_NPROCESSORS_CONF));
    prepare.no_patch = order_.no_patch;
    if (kept_) prepare.kept = kept_->name;
    prepare.layout = std::move(layout);
    TRY(session.send(SessionType::prepare, prepare));
    return await_prepared(session, before_files);
}

Result<wire::Prepared> Steward::await_prepared(
    Session& session, std::function<void()> const& before_files) {
    auto wanted =
        TRY(session.wait_for<wire::SegmentsWanted>(SessionType::segments_wanted, short_patience));
    if (before_files && !wanted.indexes.empty()) before_files();
    TRY(send_segments(session, wanted.indexes));
    return session.wait_for<wire::Prepared>(SessionType::prepared, prepare_patience);
}

// While that lasts, a program that starts maps more files: they are brought before it stands still,
// and not in its freeze. One that maps and maps is not waited for.
Status Steward::bring_new_files(Session& session, Survey& found, std::vector<wire::Vma>& told) {
    constexpr int looks_most = 5;
    for (int looks = 0; looks < looks_most; ++looks) {
        size_t known = segments_.keys().size();
        found.mappings = TRY(read_mappings(body_.pid(), found.mappings));
        auto steady = steady_mappings(found.mappings);
        if (segments_.keys().size() == known) return {};
        auto layout = TRY(layout_of(steady));
        TRY(session.send(SessionType::forecast, layout));
        TRY(await_prepared(session));
        told = std::move(layout.vmas);
    }
    return {};
}

// Without files whose mapping a program takes away while it is being read, and those that it has
// just written: they are read when it stands still.
std::vector<image::Mapping> Steward::steady_mappings(std::vector<image::Mapping> mappings) {
    std::erase_if(mappings, [&](auto const& mapping) {
        if (mapping.inode == 0) return false;
        if (image::is_written_file(mapping)) return true; // it is taken when all stands
        auto place = segments_.place(body_.pid(), nullptr, mapping);
        return !place || !segments_.settled(place->index);
    });
    return mappings;
}

Status Steward::settle_layout(Session& session, wire::Layout const& layout) {
    TRY(session.send(SessionType::layout, layout));
    for (;;) {
        auto frame = TRY(
            session.wait({SessionType::laid_out, SessionType::segments_wanted}, short_patience));
        if (frame.type == SessionType::laid_out) return {};
        auto wanted = wire::decode<wire::SegmentsWanted>(frame.body);
        if (!wanted) return fail(EBADMSG, "a malformed message from the host");
        TRY(send_segments(session, wanted->indexes));
    }
}

} // namespace rove::migrate
