// SPDX-License-Identifier: Apache-2.0
// Tool: runs one of the machine's own programs (ip, tc, nft, mkswap) to its end.
#include "lab/tool.hh"

#include <cstdlib>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/files.hh"

namespace rove::lab {

namespace {

Result<Fd> memory_file(std::string_view text) {
    Fd file(::memfd_create("tool", MFD_CLOEXEC));
    if (!file) return fail(errno, "cannot make a memory file");
    if (::write(file.number(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return fail(errno, "cannot write a memory file");
    (void)::lseek(file.number(), 0, SEEK_SET);
    return file;
}

std::string text_of(Fd const& file) {
    std::string text(4096, '\0');
    ssize_t count = ::pread(file.number(), text.data(), text.size(), 0);
    text.resize(count < 0 ? 0 : static_cast<size_t>(count));
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text;
}

[[noreturn]] void become(std::vector<std::string> const& argv, int in, int out, int net_ns) {
    if (net_ns >= 0 && ::setns(net_ns, CLONE_NEWNET) < 0) ::_exit(126);
    (void)::dup2(in, 0);
    (void)::dup2(out, 1);
    (void)::dup2(out, 2);
    // An ordinary user's PATH, kept by su, lacks the directories that these programs live in.
    char const* path = ::getenv("PATH");
    std::string wider = std::string(path ? path : "/usr/bin:/bin") + ":/usr/sbin:/sbin";
    (void)::setenv("PATH", wider.c_str(), 1);
    std::vector<char*> words;
    for (std::string const& word : argv)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    (void)::execvp(words[0], words.data());
    ::_exit(errno == ENOENT ? 127 : 126);
}

} // namespace

Status run_tool(std::vector<std::string> const& argv, std::string_view input, int net_ns) {
    Fd in = TRY(memory_file(input));
    Fd out = TRY(memory_file(""));
    pid_t child = ::fork();
    if (child < 0) return fail(errno, "cannot start {}", argv[0]);
    if (child == 0) become(argv, in.number(), out.number(), net_ns);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return fail(errno, "cannot wait for {}", argv[0]);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return fail(0, "'{}' is not installed on this machine; install it and try again", argv[0]);
    return fail(0, "'{}' failed: {}", argv[0], text_of(out));
}

Result<std::string> program_dir() {
    std::string own = link_target("/proc/self/exe");
    // A build that replaced the file while we run leaves this mark.
    if (own.ends_with(" (deleted)")) own.resize(own.size() - 10);
    size_t slash = own.rfind('/');
    if (slash == std::string::npos) return fail(errno, "cannot read /proc/self/exe");
    return own.substr(0, slash);
}

} // namespace rove::lab
