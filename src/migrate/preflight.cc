// SPDX-License-Identifier: Apache-2.0
// Preflight: the questions, cheapest first.
#include "migrate/preflight.hh"

#include <algorithm>
#include <array>

#include <sched.h>
#include <unistd.h>

#include "base/text.hh"
#include "image/credentials.hh"
#include "image/layout.hh"
#include "migrate/own_files.hh"
#include "migrate/sharers.hh"
#include "sys/files.hh"
#include "wire/region.hh"

namespace rove::migrate {

namespace {

char const* sentence_of(std::string_view word) {
#define ROW(known, passes, sentence, lifted_by)                                                    \
    if (word == #known) return sentence;
#include "wire/reasons.def"
#undef ROW
    return "it cannot leave";
}

Status check_status(std::string const& status, Refusal& refusal) {
    std::string tracer = tracee::status_line(status, "TracerPid");
    if (tracer != "0" && tracer != std::to_string(::getpid()))
        return refusal.because("traced", fmt::format("process {} traces it", tracer));
    if (tracee::status_line(status, "Seccomp") == "2")
        return refusal.because("seccomp_filter", "it has a seccomp filter of its own");
    if (tracee::status_line(status, "x86_Thread_features").find("shstk") != std::string::npos)
        return refusal.because("shadow_stack", "it uses a shadow stack");
    return {};
}

Status check_program(pid_t pid, Refusal& refusal) {
    Fd file = TRY(sys::open(fmt::format("/proc/{}/exe", pid), O_RDONLY));
    std::array<char, 5> head{};
    TRY(sys::read_exact(file.number(), head.data(), head.size()));
    if (head[4] == 1) return refusal.because("bits_32", "it is a 32-bit program");
    return {};
}

Status check_files(pid_t pid, std::vector<tracee::OpenFile> const& files, Refusal& refusal) {
    struct Row {
        char const *part, *word, *text;
    };
    static constexpr Row rows[] = {
        {"anon_inode:[io_uring]", "io_uring", "it has an io_uring"},
        {"anon_inode:[userfaultfd]", "userfaultfd", "it has a userfaultfd"},
        {"anon_inode:[perf_event]", "perf_event", "it counts performance events"},
        {"anon_inode:kvm", "kvm_or_device_memory", "it runs a virtual machine"},
        {"/dev/kvm", "kvm_or_device_memory", "it uses /dev/kvm"},
        {"/dev/nvidia", "kvm_or_device_memory", "it uses a graphics card"},
        {"/dev/dri/", "kvm_or_device_memory", "it uses a graphics card"},
        {"/secretmem", "secret_memory", "it has secret memory"},
    };
    for (auto const& file : files)
        for (Row const& row : rows)
            if (file.target.find(row.part) != std::string::npos &&
                !tracee::is_blank_userfault(pid, file))
                return refusal.because(
                    row.word, fmt::format("{} (descriptor {})", row.text, file.number));
    return {};
}

// Timers on CPU time count at home; those of setitimer can be seen only from inside.
Status check_timers(pid_t pid, Refusal& refusal) {
    auto text = sys::read_file(fmt::format("/proc/{}/timers", pid));
    if (!text) return {}; // a kernel without them
    for (std::string_view rest = *text; !rest.empty();) {
        size_t end = std::min(rest.find('\n'), rest.size() - 1);
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        if (!line.starts_with("ClockID: ")) continue;
        std::string clock(line.substr(9));
        if (clock == "2" || clock == "3" || clock.starts_with('-'))
            return refusal.because("cpu_timer", "it has a timer that runs on CPU time");
    }
    return {};
}

Status check_relatives(pid_t pid, tracee::Stat const& stat, Refusal& refusal) {
    if (stat.parent > 0 && tracee::same_memory(pid, stat.parent))
        return refusal.because(
            "shared_address_space", "it shares its address space with its parent");
    for (pid_t child : TRY(tracee::list_children(pid)))
        if (tracee::same_memory(pid, child))
            return refusal.because("shared_address_space",
                fmt::format("it shares its address space with process {}", child));
    return {};
}

} // namespace

Status check_mappings(
    pid_t pid, std::vector<image::Mapping> const& mappings, uint64_t region, Refusal& refusal) {
    if (pid_t sharer = TRY(find_sharer(pid, mappings)))
        return refusal.because("shared_writable_memory",
            fmt::format("it shares writable memory with process {}", sharer));
    for (auto const& mapping : mappings) {
        if (image::is_foreign(mapping, region)) continue;
        std::string word = image::confining_word(mapping);
        if (image::is_commons(mapping) && word == "shared_writable_memory") continue;
        if (image::is_written_file(mapping)) {
            TRY(check_written_file(pid, mapping, refusal));
            continue;
        }
        if (!word.empty())
            return refusal.because(word.c_str(),
                fmt::format("{}: {} at {:#x}", sentence_of(word),
                    mapping.path.empty() ? "a mapping" : printable(mapping.path), mapping.start));
    }
    return {};
}

Result<std::vector<image::Mapping>> read_mappings(
    pid_t pid, std::vector<image::Mapping> const& before) {
    auto now = TRY(tracee::whole_mappings(pid, "maps"));
    if (image::carry_flags(now, before)) return now;
    return tracee::whole_mappings(pid, "smaps");
}

Status refresh_flags(pid_t pid, uint64_t region, Survey& survey, Refusal& refusal) {
    if (!survey.flags_old) return {};
    survey.mappings = TRY(tracee::whole_mappings(pid, "smaps"));
    hide_watch(survey.mappings);
    survey.flags_old = false;
    return check_mappings(pid, survey.mappings, region, refusal);
}

void hide_watch(std::vector<image::Mapping>& mappings) {
    for (auto& mapping : mappings)
        mapping.drop_flag("uw");
}

Status check_threads(size_t threads, Refusal& refusal) {
    if (threads < wire::slots_max / 2) return {};
    return refusal.because("too_many_threads", fmt::format("it has {} threads", threads));
}

Status check_asker(pid_t pid, wire::Asker const& asker, Refusal& refusal) {
    auto credentials =
        TRY(image::parse_credentials(TRY(sys::read_file(fmt::format("/proc/{}/status", pid)))));
    auto objection = image::objection(credentials, asker.uid, asker.move_root != 0);
    if (!objection.word.empty()) return refusal.because(objection.word.c_str(), objection.text);
    return {};
}

Result<Survey> survey(
    pid_t pid, uint64_t region, Refusal& refusal, char const* maps, bool watched) {
    Survey survey;
    survey.stat = TRY(tracee::read_stat(pid));
    if (survey.stat.state == 'Z' && survey.stat.threads > 1)
        return refusal.because("leader_ended", "its first thread has ended");
    if (survey.stat.state == 'Z' || survey.stat.state == 'X')
        return deny(ESRCH, "process {} has ended", pid);
    if (survey.stat.policy == SCHED_FIFO || survey.stat.policy == SCHED_RR ||
        survey.stat.policy == 6)
        return refusal.because("realtime", "it has a real-time scheduling policy");
    std::string status = TRY(sys::read_file(fmt::format("/proc/{}/status", pid)));
    TRY(check_status(status, refusal));
    survey.inner_pid = TRY(tracee::parse_inner_pid(status));
    if (survey.inner_pid == 1) return refusal.because("pid_1", "it is process 1 of its container");
    TRY(check_program(pid, refusal));
    auto files = TRY(tracee::list_files(pid));
    TRY(check_files(pid, files, refusal));
    TRY(check_timers(pid, refusal));
    TRY(check_relatives(pid, survey.stat, refusal));
    survey.threads = TRY(tracee::list_threads(pid)).size();
    TRY(check_threads(survey.threads, refusal));
    survey.mappings = TRY(tracee::whole_mappings(pid, maps));
    bool whole = std::any_of(survey.mappings.begin(), survey.mappings.end(),
        [](auto const& mapping) { return mapping.path == "[vdso]"; });
    if (!whole) return refusal.because("exec", "it is just executing another program; try again");
    if (watched) hide_watch(survey.mappings);
    TRY(check_mappings(pid, survey.mappings, region, refusal));
    return survey;
}

} // namespace rove::migrate
