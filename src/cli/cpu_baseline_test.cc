// SPDX-License-Identifier: Apache-2.0
#include "cli/cpu_baseline.hh"

#include <gtest/gtest.h>
#include <map>

namespace rove::cli {
namespace {

using Environment = std::map<std::string, std::string>;

Environment with(CpuLevel level, Environment user = {}) {
    auto present = [&](std::string const& name) -> std::optional<std::string> {
        auto found = user.find(name);
        return found == user.end() ? std::nullopt : std::optional(found->second);
    };
    for (auto const& [name, value] : baseline_environment(level, present))
        user[name] = value;
    return user;
}
bool has(std::string const& text, std::string const& part) {
    return text.find(part) != std::string::npos;
}

TEST(CpuBaseline, levels_have_names) {
    EXPECT_EQ(parse_cpu_level("x86-64"), CpuLevel::v1);
    EXPECT_EQ(parse_cpu_level("v3"), CpuLevel::v3);
    EXPECT_EQ(cpu_level_name(*parse_cpu_level("x86-64-v4")), "x86-64-v4");
    for (char const* bad : {"", "any", "x86-64-v5", "V2", "x86-64-v1 "})
        EXPECT_FALSE(parse_cpu_level(bad)) << bad;
}
TEST(CpuBaseline, glibc_hears_what_is_newer) {
    std::string const one = with(CpuLevel::v1)["GLIBC_TUNABLES"],
                      three = with(CpuLevel::v3)["GLIBC_TUNABLES"],
                      four = with(CpuLevel::v4)["GLIBC_TUNABLES"];
    EXPECT_TRUE(one.starts_with("glibc.cpu.hwcaps=-SSSE3,"));
    for (char const* name : {",-SSE4_2", ",-AVX,", ",-AVX2,", ",-AVX512F,", ",-XSAVEC"})
        EXPECT_TRUE(has(one + ",", name)) << name;
    EXPECT_FALSE(has(three, "-AVX,") || has(three, "-AVX2") || has(three, "-SSE"));
    EXPECT_TRUE(has(three, "-AVX512F,"));
    EXPECT_FALSE(has(four, "-AVX512F,"));
    EXPECT_TRUE(has(four, "-XSAVEC"));
}
TEST(CpuBaseline, tunables_of_the_user_stay) {
    std::string const ours = with(CpuLevel::v3)["GLIBC_TUNABLES"],
                      names = ours.substr(ours.find('=') + 1);
    auto tunables = [](char const* user) {
        return with(CpuLevel::v3, {{"GLIBC_TUNABLES", user}})["GLIBC_TUNABLES"];
    };
    EXPECT_EQ(tunables("glibc.malloc.check=3"), "glibc.malloc.check=3:" + ours);
    EXPECT_EQ(tunables("glibc.cpu.hwcaps=-ERMS:glibc.malloc.check=3"),
        "glibc.cpu.hwcaps=-ERMS," + names + ":glibc.malloc.check=3");
    EXPECT_EQ(tunables("glibc.cpu.hwcaps="), ours);
    EXPECT_EQ(tunables("glibc.cpu.hwcaps=-A:glibc.cpu.hwcaps=-B"),
        "glibc.cpu.hwcaps=-A:glibc.cpu.hwcaps=-B," + names);
}
TEST(CpuBaseline, openssl_is_narrowed) {
    auto caps = [](char const* user) {
        return with(CpuLevel::v4, {{"OPENSSL_ia32cap", user}})["OPENSSL_ia32cap"];
    };
    constexpr char const* first = "~0x4200080200000000";
    std::string const ours = with(CpuLevel::v4)["OPENSSL_ia32cap"];
    EXPECT_TRUE(ours.starts_with(std::string(first) + ":~0x")) << ours;
    EXPECT_EQ(caps(""), ours);
    EXPECT_EQ(caps("~0x10"), "~0x4200080200000010");
    EXPECT_EQ(caps("0x4200080200000011"), "0x11");
    EXPECT_EQ(caps("~0x200000000:0x7"), std::string(first) + ":0x7");
    EXPECT_EQ(caps(":16:~0x1"), std::string(first) + ":0x10:~0x1");
}
TEST(CpuBaseline, go_is_told_last) {
    EXPECT_EQ(with(CpuLevel::v1)["GODEBUG"], "cpu.all=off");
    std::string const go =
        with(CpuLevel::v2, {{"GODEBUG", "madvdontneed=1,cpu.avx=on"}})["GODEBUG"];
    EXPECT_TRUE(go.starts_with("madvdontneed=1,cpu.avx=on,cpu.all=off,cpu.popcnt=on"));
    EXPECT_TRUE(has(with(CpuLevel::v3)["GODEBUG"], "cpu.avx2=on"));
}
TEST(CpuBaseline, named_choices_of_the_user_stand) {
    EXPECT_EQ(with(CpuLevel::v3)["OPENBLAS_CORETYPE"], "Haswell");
    EXPECT_EQ(with(CpuLevel::v3, {{"OPENBLAS_CORETYPE", "Zen"}})["OPENBLAS_CORETYPE"], "Zen");
}

} // namespace
} // namespace rove::cli
