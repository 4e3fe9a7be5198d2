// SPDX-License-Identifier: Apache-2.0
// Run: one command in a node, as if it were run here.
//
// The command has a session of its own, so that the process group and session numbers it asks for
// exist in its PID namespace. Hence the terminal's ^C and ^Z reach only us, and are passed on.
#include "lab/run.hh"

#include <csignal>
#include <optional>

#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/gate.hh"
#include "lab/terminal.hh"

namespace rove::lab {

namespace {

constexpr int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM};

class Run {
public:
    Run(Gate const& gate, std::vector<std::string> const& argv) : gate_(gate), argv_(argv) {}
    Result<int> to_its_end();

private:
    [[noreturn]] void be_command();
    void watch();
    void take_signal();
    void stop_and_go_on();
    bool ended();

    Gate const& gate_;
    std::vector<std::string> const& argv_;
    sigset_t outer_mask_{};
    Fd signals_;
    std::optional<Terminal> terminal_;
    pid_t child_ = -1;
    int status_ = 0;
};

Result<int> Run::to_its_end() {
    sigset_t wanted;
    sigemptyset(&wanted);
    for (int signal : passed_on)
        sigaddset(&wanted, signal);
    for (int signal : {SIGCHLD, SIGTSTP, SIGWINCH})
        sigaddset(&wanted, signal);
    sigset_t blocked = wanted;
    // Blocked, so that the terminal's modes can be put back from the background.
    sigaddset(&blocked, SIGTTOU);
    (void)::sigprocmask(SIG_BLOCK, &blocked, &outer_mask_);
    signals_ = Fd(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) return fail(errno, "cannot watch for signals");
    if (::isatty(0)) terminal_.emplace(TRY(Terminal::open()));
    child_ = TRY(gate_.fork_in());
    if (child_ == 0) be_command();
    if (terminal_) terminal_->close_slave();
    while (!ended())
        watch();
    if (terminal_) {
        terminal_->drain();
        terminal_->cook();
    }
    return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

void Run::be_command() {
    (void)::setsid();
    int out = ::dup(2);
    if (terminal_) terminal_->adopt();
    if (Status entered = gate_.enter(); !entered) {
        ::dprintf(out, "rove lab run: %s\n", entered.error().sentence().c_str());
        ::_exit(125);
    }
    (void)::close(out);
    // A command whose `lab run` was shot would otherwise go on unseen.
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)::sigprocmask(SIG_SETMASK, &outer_mask_, nullptr);
    int status = exec_command(argv_);
    ::dprintf(
        2, "rove lab run: cannot execute '%s': %s\n", argv_[0].c_str(), strerrordesc_np(errno));
    ::_exit(status);
}

void Run::watch() {
    bool front = terminal_ && terminal_->in_foreground();
    if (front) terminal_->make_raw();
    pollfd waits[3] = {{signals_.number(), POLLIN, 0}, {-1, 0, 0}, {-1, 0, 0}};
    if (terminal_) {
        waits[1] = {terminal_->master(), POLLIN, 0};
        if (terminal_->has_input()) waits[1].events |= POLLOUT;
        if (front && terminal_->wants_input()) waits[2] = {0, POLLIN, 0};
    }
    // Nobody tells a background job that it was brought to the foreground: it has to look.
    int limit_ms = terminal_ && !front ? 200 : -1;
    if (::poll(waits, 3, limit_ms) < 0) return;
    if (waits[1].revents & POLLIN) (void)terminal_->pass_output();
    // Nobody holds the inner terminal; the command's end is near, or it has closed all.
    else if (waits[1].revents & POLLHUP)
        (void)::poll(waits, 1, 200);
    if (waits[1].revents & POLLOUT) terminal_->pass_input();
    if (waits[2].revents) terminal_->take_input();
    if (waits[0].revents & POLLIN) take_signal();
}

void Run::take_signal() {
    signalfd_siginfo from{};
    while (::read(signals_.number(), &from, sizeof from) == sizeof from) {
        int signal = static_cast<int>(from.ssi_signo);
        if (signal == SIGCHLD) continue;
        if (signal == SIGWINCH) {
            if (terminal_) terminal_->copy_size();
        } else if (signal == SIGTSTP) {
            stop_and_go_on();
        } else {
            // A terminal signals a whole group; kill(1) means one process.
            bool group = from.ssi_code == SI_KERNEL;
            (void)::kill(group ? -child_ : child_, signal);
        }
    }
}

void Run::stop_and_go_on() {
    (void)::kill(-child_, SIGSTOP);
    if (terminal_) terminal_->cook();
    (void)::raise(SIGSTOP);
    (void)::kill(-child_, SIGCONT);
    if (terminal_) terminal_->copy_size();
}

bool Run::ended() {
    return ::waitpid(child_, &status_, WNOHANG) == child_;
}

} // namespace

Result<int> run_command(
    std::string_view lab, std::string_view node, std::vector<std::string> const& argv) {
    Gate gate = TRY(Gate::open(lab, node));
    return Run(gate, argv).to_its_end();
}

} // namespace rove::lab
