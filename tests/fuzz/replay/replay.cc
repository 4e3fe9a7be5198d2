// SPDX-License-Identifier: Apache-2.0
// Stands in for libFuzzer in ordinary builds: gives a target each file of the directories that are
// named, and nothing else. So a target is compiled and linked with everything, and what it once
// found stays found, also where there is no clang.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size);

int main(int count, char** arguments) {
    size_t inputs = 1;
    LLVMFuzzerTestOneInput(nullptr, 0);
    for (int index = 1; index < count; ++index)
        for (auto const& entry : std::filesystem::directory_iterator(arguments[index])) {
            std::fprintf(stderr, "%s\n", entry.path().c_str());
            std::ifstream file(entry.path(), std::ios::binary);
            std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
            LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
            ++inputs;
        }
    std::printf("%zu inputs\n", inputs);
}
