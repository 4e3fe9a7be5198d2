// SPDX-License-Identifier: Apache-2.0
// A directory of a test's own: empty at the start, gone with what is in it at the end.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace rove {

class TestDirectory {
public:
    // Names are short: sockets are made in them.
    TestDirectory() {
        static int made = 0;
        auto const base = std::filesystem::temp_directory_path();
        for (int tries = 0; tries < 1000; ++tries) {
            auto const name = "rove-" + std::to_string(::getpid()) + "-" + std::to_string(++made);
            path_ = (base / name).string();
            if (std::filesystem::create_directory(path_)) {
                std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
                return;
            }
        }
        throw std::runtime_error("no name is free in " + base.string());
    }
    ~TestDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TestDirectory(TestDirectory const&) = delete;
    TestDirectory& operator=(TestDirectory const&) = delete;

    std::string const& path() const { return path_; }
    std::string operator/(std::string const& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

} // namespace rove
