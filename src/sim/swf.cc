// SPDX-License-Identifier: Apache-2.0
// SWF: reading lines of numbers.
#include "sim/swf.hh"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include <zlib.h>

#include "base/text.hh"

namespace rove::sim {

namespace {

constexpr size_t text_max = 1 << 30;
constexpr double seconds_max = 1e10;
constexpr uint32_t processors_max = 1 << 20;

// Of the eighteen fields those up to the one that was asked for.
enum Field : size_t { submit = 1, run = 3, processors = 4, asked = 7, count = 8 };

Result<std::array<double, Field::count>> parse_fields(std::string_view line, size_t number) {
    std::array<double, Field::count> fields{};
    for (double& field : fields) {
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), field);
        if (error != std::errc() || !(field >= -1 && field <= seconds_max))
            return deny(EINVAL, "line {} of the trace is not a job", number);
        line.remove_prefix(static_cast<size_t>(end - line.data()));
    }
    return fields;
}

} // namespace

Result<std::vector<SwfJob>> parse_swf(std::string_view text, uint32_t jobs_max) {
    std::vector<SwfJob> jobs;
    size_t number = 0;
    while (!text.empty() && (jobs_max == 0 || jobs.size() < jobs_max)) {
        size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = trim(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.empty() || line.front() == ';') continue;
        auto fields = TRY(parse_fields(line, number));
        double wide =
            fields[Field::processors] > 0 ? fields[Field::processors] : fields[Field::asked];
        // Cancelled ones did not run.
        if (fields[Field::run] <= 0 || wide < 1 || fields[Field::submit] < 0) continue;
        if (wide > processors_max)
            return deny(EINVAL, "line {} of the trace: {} processors", number, wide);
        jobs.push_back({fields[Field::submit], fields[Field::run], static_cast<uint32_t>(wide)});
    }
    std::stable_sort(jobs.begin(), jobs.end(),
        [](SwfJob const& a, SwfJob const& b) { return a.submit_s < b.submit_s; });
    return jobs;
}

Result<std::string> read_trace(std::string const& path) {
    // zlib passes what is not gzipped on as it is.
    std::unique_ptr<gzFile_s, int (*)(gzFile)> file(::gzopen(path.c_str(), "rb"), ::gzclose);
    if (!file) return fail(errno != 0 ? errno : ENOMEM, "cannot open {}", path);
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        int got = ::gzread(file.get(), buffer.data(), buffer.size());
        if (got < 0) return deny(EINVAL, "{} is not a whole gzip file", path);
        if (got == 0) return text;
        text.append(buffer.data(), static_cast<size_t>(got));
        if (text.size() > text_max) return deny(EFBIG, "{} is too large", path);
    }
}

} // namespace rove::sim
