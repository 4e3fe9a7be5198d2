// SPDX-License-Identifier: Apache-2.0
// Fuzz target: another kernel's vdso, as a home sends it.
// uses: base image
#include <cstdlib>

#include "image/vdso.hh"

extern "C" int LLVMFuzzerTestOneInput(uint8_t const* bytes, size_t size) {
    std::string image(reinterpret_cast<char const*>(bytes), size);
    auto made = rove::image::vdso_of_calls(image);
    if (!made) return 0;
    if (made->size() != image.size()) std::abort();
    return 0;
}
