// SPDX-License-Identifier: Apache-2.0
// Find program: PATH search and execve; see find_program.hh.
#include "cli/find_program.hh"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.hh"
#include "cli/screen.hh"

extern char** environ;

namespace rove::cli {

using client::Asked;
using client::Exit;
using client::Trouble;

namespace {

// 0, or the errno value that execve would most likely give.
int why_not(std::string const& path) {
    struct stat file {};
    if (stat(path.c_str(), &file) != 0) return errno;
    if (!S_ISREG(file.st_mode)) return EACCES;
    return faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

Trouble failure(std::string const& name, int error) {
    std::string const shown = for_terminal(name, true);
    if (error == ENOENT || error == ENOTDIR)
        return {Exit::not_found,
            fmt::format("'{}' is not found; check its spelling and PATH", shown), {}};
    std::string advice = "; check its kind and its permissions";
    if (error == E2BIG) advice = "; shorten its arguments or its environment";
    if (error == ETXTBSY) advice = "; wait until nobody writes to it";
    return {Exit::not_executable,
        fmt::format("'{}' cannot be executed ({}){}", shown, std::strerror(error), advice), {}};
}

} // namespace

Asked<std::string> find_program(std::string const& name) {
    if (name.find('/') != std::string::npos) {
        if (int const error = why_not(name)) return tl::unexpected<Trouble>(failure(name, error));
        return name;
    }
    if (name.empty()) return tl::unexpected<Trouble>(failure(name, ENOENT));
    char const* path = std::getenv("PATH");
    int worst = ENOENT;
    for (std::string_view part : split(path ? path : "/bin:/usr/bin", ':')) {
        // An empty part means the working directory.
        std::string const file = part.empty() ? "./" + name : std::string(part) + "/" + name;
        int const error = why_not(file);
        if (error == 0) return file;
        if (error == EACCES) worst = EACCES;
    }
    return tl::unexpected<Trouble>(failure(name, worst));
}

Trouble become(std::string const& path, std::vector<std::string> const& words) {
    std::vector<char*> arguments;
    for (std::string const& word : words)
        arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    execve(path.c_str(), arguments.data(), environ);
    if (errno == ENOEXEC) {
        std::string shell = "/bin/sh";
        std::vector<char*> by_shell{shell.data(), const_cast<char*>(path.c_str())};
        by_shell.insert(by_shell.end(), arguments.begin() + 1, arguments.end());
        execve(shell.c_str(), by_shell.data(), environ);
    }
    int const error = errno;
    // The file was there a moment ago: what is missing is the interpreter that its first line
    // names.
    if (error == ENOENT && why_not(path) == 0)
        return {Exit::not_found,
            fmt::format(
                "'{}' cannot be executed, since the interpreter that it names is not found; "
                "check its first line",
                for_terminal(path, true)),
            {}};
    return failure(path, error);
}

} // namespace rove::cli
