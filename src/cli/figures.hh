// SPDX-License-Identifier: Apache-2.0
// Figures: numbers as people read them. An unknown one is "-".
#pragma once

#include <optional>
#include <string>

namespace rove::cli {

using Figure = std::optional<double>;

std::string human_bytes(Figure bytes);     // "8.2 MB", "640 KB", "3 B"; powers of 1024
std::string human_ms(Figure milliseconds); // "9 ms", "0.4 ms", "3.2 s", "5:07", "1:02:03"
std::string cpu_time(Figure seconds);      // "0.3s", "12s", "5:07", "1:02:03", "3d 04:05"
std::string fixed(Figure number, int digits);
std::string whole(Figure number);
std::string at_most(Figure number, int digits); // "2", "0.5": no zeros at the end

} // namespace rove::cli
