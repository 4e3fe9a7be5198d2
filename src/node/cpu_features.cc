// SPDX-License-Identifier: Apache-2.0
// CPU features: reading and comparing them.
#include "node/cpu_features.hh"

#include <algorithm>

#include <cpuid.h>

namespace rove::node {

namespace {

enum Word : uint8_t {
    w1_ecx,
    w1_edx,
    w7_ebx,
    w7_ecx,
    w7_edx,
    w71_eax,
    wd1_eax,
    w81_ecx,
    w81_edx,
    xcr0,
    word_count
};

struct Feature {
    char const* name; // as in /proc/cpuinfo
    Word word;
    uint8_t bit;
};

// clang-format off
constexpr Feature features[] = {
    {"pni", w1_ecx, 0}, {"pclmulqdq", w1_ecx, 1}, {"ssse3", w1_ecx, 9}, {"fma", w1_ecx, 12}, {"cx16", w1_ecx, 13},
    {"sse4_1", w1_ecx, 19}, {"sse4_2", w1_ecx, 20}, {"movbe", w1_ecx, 22}, {"popcnt", w1_ecx, 23}, {"aes", w1_ecx, 25},
    {"xsave", w1_ecx, 26}, {"avx", w1_ecx, 28}, {"f16c", w1_ecx, 29}, {"rdrand", w1_ecx, 30},
    {"cx8", w1_edx, 8}, {"cmov", w1_edx, 15}, {"clflush", w1_edx, 19}, {"mmx", w1_edx, 23}, {"fxsr", w1_edx, 24},
    {"sse", w1_edx, 25}, {"sse2", w1_edx, 26},
    {"fsgsbase", w7_ebx, 0}, {"bmi1", w7_ebx, 3}, {"hle", w7_ebx, 4}, {"avx2", w7_ebx, 5}, {"bmi2", w7_ebx, 8},
    {"erms", w7_ebx, 9}, {"rtm", w7_ebx, 11}, {"avx512f", w7_ebx, 16}, {"avx512dq", w7_ebx, 17}, {"rdseed", w7_ebx, 18},
    {"adx", w7_ebx, 19}, {"avx512ifma", w7_ebx, 21}, {"clflushopt", w7_ebx, 23}, {"clwb", w7_ebx, 24},
    {"avx512pf", w7_ebx, 26}, {"avx512er", w7_ebx, 27}, {"avx512cd", w7_ebx, 28}, {"sha_ni", w7_ebx, 29},
    {"avx512bw", w7_ebx, 30}, {"avx512vl", w7_ebx, 31},
    {"avx512vbmi", w7_ecx, 1}, {"ospke", w7_ecx, 4}, {"waitpkg", w7_ecx, 5}, {"avx512_vbmi2", w7_ecx, 6}, {"gfni", w7_ecx, 8},
    {"vaes", w7_ecx, 9}, {"vpclmulqdq", w7_ecx, 10}, {"avx512_vnni", w7_ecx, 11}, {"avx512_bitalg", w7_ecx, 12},
    {"avx512_vpopcntdq", w7_ecx, 14}, {"rdpid", w7_ecx, 22}, {"cldemote", w7_ecx, 25}, {"movdiri", w7_ecx, 27},
    {"movdir64b", w7_ecx, 28}, {"enqcmd", w7_ecx, 29},
    {"avx512_4vnniw", w7_edx, 2}, {"avx512_4fmaps", w7_edx, 3}, {"fsrm", w7_edx, 4}, {"uintr", w7_edx, 5},
    {"avx512_vp2intersect", w7_edx, 8}, {"serialize", w7_edx, 14}, {"tsxldtrk", w7_edx, 16}, {"amx_bf16", w7_edx, 22},
    {"avx512_fp16", w7_edx, 23}, {"amx_tile", w7_edx, 24}, {"amx_int8", w7_edx, 25},
    {"sha512", w71_eax, 0}, {"sm3", w71_eax, 1}, {"sm4", w71_eax, 2}, {"avx_vnni", w71_eax, 4}, {"avx512_bf16", w71_eax, 5},
    {"cmpccxadd", w71_eax, 7}, {"fzrm", w71_eax, 10}, {"fsrs", w71_eax, 11}, {"fsrc", w71_eax, 12}, {"amx_fp16", w71_eax, 21},
    {"avx_ifma", w71_eax, 23},
    {"xsaveopt", wd1_eax, 0}, {"xsavec", wd1_eax, 1}, {"xgetbv1", wd1_eax, 2},
    {"lahf_lm", w81_ecx, 0}, {"abm", w81_ecx, 5}, {"sse4a", w81_ecx, 6}, {"misalignsse", w81_ecx, 7},
    {"3dnowprefetch", w81_ecx, 8}, {"xop", w81_ecx, 11}, {"fma4", w81_ecx, 16}, {"tbm", w81_ecx, 21},
    {"rdtscp", w81_edx, 27}, {"3dnowext", w81_edx, 30}, {"3dnow", w81_edx, 31},
    {"avx registers", xcr0, 2}, {"avx512 mask registers", xcr0, 5}, {"avx512 registers", xcr0, 6},
    {"avx512 upper registers", xcr0, 7}, {"protection key register", xcr0, 9}, {"amx tile config", xcr0, 17}, {"amx tiles", xcr0, 18},
};
// clang-format on

// By level, each with those before it. XSAVE is no part of the first two, but of what Rove itself
// asks of every CPU.
constexpr char const* needed[][16] = {
    {"cmov", "cx8", "fxsr", "mmx", "sse", "sse2", "xsave"},
    {"cx16", "lahf_lm", "pni", "popcnt", "sse4_1", "sse4_2", "ssse3"},
    {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "avx registers"},
    {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx512 mask registers",
        "avx512 registers", "avx512 upper registers"},
};

uint32_t enabled_state() {
    uint32_t low = 0, high = 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

} // namespace

bool is_cpu_feature(std::string_view name) {
    return std::any_of(std::begin(features), std::end(features),
        [&](Feature const& feature) { return name == feature.name; });
}

CpuFeatures cpu_features(std::vector<std::string> const& hidden) {
    CpuFeatures words(word_count);
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (__get_cpuid_count(1, 0, &eax, &ebx, &ecx, &edx)) words[w1_ecx] = ecx, words[w1_edx] = edx;
    if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx))
        words[w7_ebx] = ebx, words[w7_ecx] = ecx, words[w7_edx] = edx;
    if (__get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) words[w71_eax] = eax;
    if (__get_cpuid_count(13, 1, &eax, &ebx, &ecx, &edx)) words[wd1_eax] = eax;
    if (__get_cpuid_count(0x80000001, 0, &eax, &ebx, &ecx, &edx))
        words[w81_ecx] = ecx, words[w81_edx] = edx;
    constexpr uint32_t osxsave = 1u << 27;
    if (words[w1_ecx] & osxsave) words[xcr0] = enabled_state();

    CpuFeatures named(word_count);
    for (Feature const& feature : features) {
        if (std::find(hidden.begin(), hidden.end(), feature.name) != hidden.end()) continue;
        named[feature.word] |= words[feature.word] & (1u << feature.bit);
    }
    return named;
}

std::vector<std::string> missing_features(CpuFeatures const& wanted, CpuFeatures const& offered) {
    std::vector<std::string> missing;
    auto has = [](CpuFeatures const& words, Feature const& feature) {
        return feature.word < words.size() && (words[feature.word] >> feature.bit & 1) != 0;
    };
    for (Feature const& feature : features)
        if (has(wanted, feature) && !has(offered, feature)) missing.emplace_back(feature.name);
    // Words that a newer node knows and we do not cannot be judged: what it wants there is missing.
    for (size_t word = word_count; word < wanted.size(); ++word)
        if (wanted[word] != 0 && (word >= offered.size() || (wanted[word] & ~offered[word]) != 0))
            missing.push_back("word " + std::to_string(word));
    return missing;
}

CpuFeatures features_of(CpuLevel level) {
    CpuFeatures words(word_count);
    for (size_t each = 0; each < static_cast<size_t>(level); ++each)
        for (char const* name : needed[each])
            for (Feature const& feature : features)
                if (name && std::string_view(name) == feature.name)
                    words[feature.word] |= 1u << feature.bit;
    return words;
}

CpuFeatures registers_of(CpuFeatures const& features) {
    CpuFeatures words(word_count);
    if (features.size() > xcr0) words[xcr0] = features[xcr0];
    return words;
}

} // namespace rove::node
