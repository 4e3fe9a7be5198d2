// SPDX-License-Identifier: Apache-2.0
// Outer: how a warden is started: `rove-keeper warden --socket S --session ID --order-fd N`.
//
// The process that the daemon starts makes the namespaces, writes their maps and ends; its child,
// pid 1 of the new PID namespace, executes the same program again with --inside and is the warden.
// Executing matters: only memory made inside the user namespace belongs to it.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/log.hh"
#include "sandbox/user_namespace.hh"
#include "sys/files.hh"
#include "sys/process.hh"
#include "warden/household.hh"

namespace rove::warden {

namespace {

constexpr int wardens_priority = -5; // its guests have the program's own

struct Options {
    std::string socket, session;
    int order_fd = -1;
    pid_t outside_pid = 0; // --inside
    int userfaults = -1;
};

std::optional<int> number_of(std::string_view text) {
    int value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Result<Options> parse_options(int argc, char** argv) {
    Options options;
    for (int i = 0; i + 1 < argc; ++i) {
        std::string_view name = argv[i], value = argv[i + 1];
        if (name == "--socket") options.socket = value;
        if (name == "--session") options.session = value;
        if (name == "--order-fd") options.order_fd = number_of(value).value_or(-1);
        if (name == "--userfaults") options.userfaults = number_of(value).value_or(-1);
        if (name == "--inside") options.outside_pid = number_of(value).value_or(0);
    }
    if (options.socket.empty() || options.order_fd < 0)
        return fail(EINVAL, "usage: rove-keeper warden --socket PATH --session ID --order-fd N");
    return options;
}

Result<wire::WardenOrder> read_order(int fd) {
    // A file is read by both processes: from its start each time.
    (void)lseek(fd, 0, SEEK_SET);
    auto text = TRY(sys::read_rest(fd, 1 << 20));
    auto order = wire::decode<wire::WardenOrder>(text);
    if (!order) return fail(EBADMSG, "the order cannot be decoded");
    if (!wire::is_token(order->token))
        return fail(EBADMSG, "a token of {} bytes", order->token.size());
    return std::move(*order);
}

int inside(Options const& options) {
    log_to(2, Level::note, fmt::format("warden-{}", options.outside_pid));
    auto order = read_order(options.order_fd);
    if (!order) {
        LOG(error, "{}", order.error().sentence());
        return 1;
    }
    (void)::close(options.order_fd);
    sys::set_process_name("rove-warden");
    (void)setsid();
    sandbox::forbid_user_namespaces();
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    // A guest has another user and cannot signal us; what the host sends is for its daemon to
    // decide.
    for (int number : {SIGPIPE, SIGHUP, SIGINT, SIGURG, SIGIO})
        (void)::signal(number, SIG_IGN);
    Household household(std::move(*order), options.session, options.socket, options.outside_pid);
    if (options.userfaults >= 0 && sys::set_close_on_exec(options.userfaults, true))
        household.keep_userfaults(Fd(options.userfaults));
    return household.run();
}

Status start(
    Options const& options, wire::WardenOrder const& order, std::string const& order_text) {
    // The order goes on in a file of its own: the one we got may be a pipe, which is empty now.
    Fd file = TRY(sys::memfd("warden-order"));
    TRY(sys::write_all(file.number(), as_bytes(order_text)));
    // For who is root outside only, and since Linux 6.1.
    Fd userfaults(::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
    (void)TRY(
        sandbox::start_in_namespaces(order.guest_uid, order.guest_gid, [&](pid_t outside) -> int {
            auto order_fd = std::to_string(file.number()), own = std::to_string(outside);
            auto faults = std::to_string(userfaults.number());
            (void)sys::set_close_on_exec(file.number(), false);
            if (userfaults) (void)sys::set_close_on_exec(userfaults.number(), false);
            execl("/proc/self/exe", "rove-keeper", "warden", "--socket", options.socket.c_str(),
                "--session", options.session.c_str(), "--order-fd", order_fd.c_str(), "--inside",
                own.c_str(), "--userfaults", faults.c_str(), nullptr);
            return 127;
        }));
    return {};
}

} // namespace

int warden_main(int argc, char** argv) {
    // What a warden does somebody waits for who stands still, as in the steward
    // (migrate/urgent.hh).
    (void)::setpriority(
        PRIO_PROCESS, 0, std::min(::getpriority(PRIO_PROCESS, 0), wardens_priority));
    auto options = parse_options(argc, argv);
    if (!options) {
        LOG(error, "{}", options.error().what);
        return 2;
    }
    if (options->outside_pid != 0) return inside(*options);
    auto order = read_order(options->order_fd);
    if (!order) {
        LOG(error, "{}", order.error().sentence());
        return 1;
    }
    if (auto started = start(*options, *order, wire::encode(*order)); !started) {
        LOG(error, "cannot start a warden: {}", started.error().sentence());
        return 1;
    }
    return 0;
}

} // namespace rove::warden

int warden_main(int argc, char** argv) {
    return rove::warden::warden_main(argc, argv);
}
