// SPDX-License-Identifier: Apache-2.0
// CPU baseline: what each runtime is told, by level.
#include "cli/cpu_baseline.hh"

#include <charconv>
#include <cstdint>
#include <cstdlib>

#include <fmt/core.h>

namespace rove::cli {

namespace {

size_t number(CpuLevel level) {
    return static_cast<size_t>(level);
}

// By level: what its CPUs need not have and those of the next one do; the last row is in no level.
// Names are glibc's (sysdeps/x86/cpu-tunables.c), those with _Usable of glibc before 2.33; it
// ignores names that it does not know. Without XSAVE the dynamic linker saves registers by FXSAVE.
constexpr char const* glibc_newer[] = {
    "-SSSE3,-SSE4_1,-SSE4_2,-POPCNT",
    "-AVX,-AVX2,-BMI1,-BMI2,-F16C,-FMA,-LZCNT,-MOVBE,-XSAVE,-AVX_Usable,-AVX2_Usable,-FMA_Usable",
    "-AVX512F,-AVX512BW,-AVX512CD,-AVX512DQ,-AVX512VL,-AVX512F_Usable,-AVX512DQ_Usable",
    "-AVX512ER,-AVX512PF,-FMA4,-RTM,-XSAVEC,-FMA4_Usable,-XSAVEC_Usable",
};

std::string glibc(CpuLevel level, std::string user) {
    std::string names;
    for (size_t each = number(level) - 1; each < std::size(glibc_newer); ++each)
        names += (names.empty() ? "" : ",") + std::string(glibc_newer[each]);
    // Of two settings of one tunable only the last is heard, so the user's gets ours behind it.
    constexpr std::string_view tunable = "glibc.cpu.hwcaps=";
    size_t last = std::string::npos;
    for (size_t at = 0; at < user.size();) {
        if (user.compare(at, tunable.size(), tunable) == 0) last = at;
        size_t const colon = user.find(':', at);
        at = colon == std::string::npos ? user.size() : colon + 1;
    }
    if (last == std::string::npos)
        return user + (user.empty() ? "" : ":") + std::string(tunable) + names;
    size_t const colon = user.find(':', last);
    size_t const end = colon == std::string::npos ? user.size() : colon;
    bool const has_names = end != last + tunable.size();
    return user.insert(end, (has_names ? "," : "") + names);
}

// Two words of bits as in OPENSSL_ia32cap(3): CPUID 1 (EDX, above it ECX) and CPUID 7 (EBX, above
// it ECX); bit 43 of the first is AMD's XOP.
struct Words {
    uint64_t first, second;
};
constexpr uint64_t bits(std::initializer_list<int> numbers) {
    uint64_t word = 0;
    for (int each : numbers)
        word |= 1ull << each;
    return word;
}
constexpr Words openssl_newer[] = {
    // SSE3 SSSE3 SSE4.1 SSE4.2 POPCNT
    {bits({32, 41, 51, 52, 55}), 0},
    // FMA MOVBE XSAVE AVX F16C, BMI1 AVX2 BMI2
    {bits({44, 54, 58, 60, 61}), bits({3, 5, 8})},
    // AVX512 F DQ CD BW VL
    {0, bits({16, 17, 28, 30, 31})},
    // PCLMULQDQ XOP AES RDRAND, RDSEED ADX AVX512-IFMA SHA AVX512-VBMI, -VBMI2 GFNI VAES VPCLMULQDQ
    // AVX512-VNNI -BITALG -VPOPCNTDQ
    {bits({33, 43, 57, 62}), bits({18, 19, 21, 29, 33, 38, 40, 41, 42, 43, 44, 46})},
};

// One word of the user's, narrowed: "~0x…" hides bits, a number without ~ stands for all of them.
std::string narrowed(std::string_view user, uint64_t hidden) {
    bool const hides = user.empty() || user.front() == '~';
    std::string_view digits = user.substr(hides && !user.empty() ? 1 : 0);
    int base = 10;
    if (digits.starts_with("0x") || digits.starts_with("0X"))
        digits.remove_prefix(2), base = 16;
    else if (digits.starts_with("0"))
        base = 8;
    uint64_t theirs = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), theirs, base);
    return hides ? fmt::format("~{:#x}", theirs | hidden) : fmt::format("{:#x}", theirs & ~hidden);
}

std::string openssl(CpuLevel level, std::string const& user) {
    Words hidden{};
    for (size_t each = number(level) - 1; each < std::size(openssl_newer); ++each)
        hidden.first |= openssl_newer[each].first, hidden.second |= openssl_newer[each].second;
    std::string_view rest = user;
    size_t const colon = rest.find(':');
    std::string const first = narrowed(rest.substr(0, colon), hidden.first);
    // A value of one word hides all of the second.
    if (colon == std::string_view::npos && !user.empty()) return first;
    rest = user.empty() ? rest : rest.substr(colon + 1);
    size_t const next = rest.find(':');
    return first + ":" + narrowed(rest.substr(0, next), hidden.second) +
           (next == std::string_view::npos ? "" : std::string(rest.substr(next)));
}

// Go says on standard error which names it does not know. All that can be off are off, and what the
// level has is on again, as far as every Go knows its name.
constexpr char const* go_has[] = {
    "cpu.all=off",
    ",cpu.popcnt=on,cpu.sse3=on,cpu.sse41=on,cpu.sse42=on,cpu.ssse3=on",
    ",cpu.avx=on,cpu.avx2=on,cpu.bmi1=on,cpu.bmi2=on,cpu.fma=on",
    "",
};

std::string go(CpuLevel level, std::string user) {
    if (!user.empty()) user += ",";
    for (size_t each = 0; each < number(level); ++each)
        user += go_has[each];
    return user;
}

// One name for each level; the user's own choice stands.
struct Choice {
    char const* variable;
    char const* by_level[4];
};
constexpr Choice choices[] = {
    {"OPENBLAS_CORETYPE", {"Prescott", "Nehalem", "Haswell", "SkylakeX"}},
    {"MKL_ENABLE_INSTRUCTIONS", {"SSE4_2", "SSE4_2", "AVX2", "AVX512"}},
    {"ONEDNN_MAX_CPU_ISA", {"SSE41", "SSE41", "AVX2", "AVX512_CORE"}},
    {"ATEN_CPU_CAPABILITY", {"default", "default", "avx2", "avx512"}},
};

} // namespace

std::vector<std::pair<std::string, std::string>> baseline_environment(
    CpuLevel level, std::function<std::optional<std::string>(std::string const&)> const& present) {
    std::vector<std::pair<std::string, std::string>> result;
    auto narrow = [&](char const* variable, auto const& how) {
        result.emplace_back(variable, how(level, present(variable).value_or("")));
    };
    narrow("GLIBC_TUNABLES", glibc);
    narrow("OPENSSL_ia32cap", openssl);
    narrow("GODEBUG", go);
    // The lazy dynamic linker saves all vector registers that there are, in as much room as the CPU
    // on which the program began would need.
    result.emplace_back("LD_BIND_NOW", "1");
    for (Choice const& choice : choices)
        if (!present(choice.variable))
            result.emplace_back(choice.variable, choice.by_level[number(level) - 1]);
    return result;
}

void set_baseline_environment(CpuLevel level) {
    auto present = [](std::string const& name) -> std::optional<std::string> {
        char const* value = std::getenv(name.c_str());
        return value ? std::optional<std::string>(value) : std::nullopt;
    };
    for (auto const& [name, value] : baseline_environment(level, present))
        setenv(name.c_str(), value.c_str(), 1);
}

} // namespace rove::cli
