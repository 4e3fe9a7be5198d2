// SPDX-License-Identifier: Apache-2.0
// roved: the daemon, one per node.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <sys/resource.h>
#include <sys/wait.h>

#include <boost/asio/signal_set.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/text.hh"
#include "image/extended.hh"
#include "net/key.hh"
#include "node/node.hh"
#include "node/notify.hh"
#include "sys/random.hh"

namespace rove::node {
namespace {

constexpr char usage[] =
    "Usage: roved [--config FILE]\n"
    "The daemon of a Rove node. FILE is /etc/rove/rove.toml if it is not given.\n";
constexpr char default_config[] = "/etc/rove/rove.toml";

int complain(Error const& error) {
    std::fprintf(stderr, "roved: %s\n", error.sentence().c_str());
    return 1;
}

void start_log(Config const& config) {
    auto log = spdlog::stderr_logger_st("roved");
    log->set_pattern("%Y-%m-%dT%H:%M:%S.%e %l %v");
    log->set_level(spdlog::level::from_str(config.text("log.level")));
    log->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(log);
}

struct Keys {
    std::string peer, gossip;
};
Result<Keys> derive_keys(Config const& config) {
    // A node that is alone needs no key.
    if (config.peers().empty() && config.texts("node.listen").empty())
        return Keys{TRY(sys::random_bytes(32)), TRY(sys::random_bytes(32))};
    net::ClusterKey key = TRY(net::load_cluster_key(config.text("cluster.key_file")));
    return Keys{TRY(net::derive(key, "peer")), TRY(net::derive(key, "gossip"))};
}

// Each process of a program costs a few descriptors, and the usual limit of 1024 is for those who
// use select().
void raise_descriptor_limit() {
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
}

// Keepers are our children; whoever of them ends is reaped here.
void reap(asio::signal_set& signals) {
    signals.async_wait([&](boost::system::error_code error, int) {
        if (error) return;
        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
        }
        reap(signals);
    });
}

int run(int argc, char** argv) {
    std::string path = default_config;
    auto must_exist = Config::MustExist::no;
    for (int i = 1; i < argc; ++i) {
        std::string argument = argv[i];
        if (argument == "--help" || argument == "-h") {
            std::fputs(usage, stdout);
            return 0;
        }
        if (argument == ".manual") { // for the build
            std::fputs(configuration_page().c_str(), stdout);
            return 0;
        }
        if (argument == "--config" && i + 1 < argc) {
            path = argv[++i];
            must_exist = Config::MustExist::yes;
        } else if (argument.starts_with("--config=")) {
            path = argument.substr(9);
            must_exist = Config::MustExist::yes;
        } else {
            std::fprintf(
                stderr, "roved: unknown argument '%s'\n%s", printable(argument).c_str(), usage);
            return 2;
        }
    }
    if (!image::has_xsave())
        return complain(Error(
            0, "this processor, or its kernel, has no XSAVE: Rove cannot move programs here"));
    auto config = Config::load(path, must_exist);
    if (!config) return complain(config.error());
    auto keys = derive_keys(*config);
    if (!keys) return complain(keys.error());
    start_log(*config);

    (void)std::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    asio::io_context io(1);
    asio::signal_set ended_children(io, SIGCHLD);
    reap(ended_children);
    Node node(io, std::move(*config), std::move(keys->peer), std::move(keys->gossip));
    if (Status begun = node.begin(); !begun) return complain(begun.error());
    asio::signal_set end(io, SIGTERM, SIGINT);
    end.async_wait([&](boost::system::error_code error, int) {
        if (!error) node.end();
    });
    notify_service("READY=1");
    io.run();
    notify_service("STOPPING=1");
    // Coroutines that still wait hold references into the node; the process ends here anyway.
    spdlog::default_logger()->flush();
    std::_Exit(0);
}

} // namespace
} // namespace rove::node

int main(int argc, char** argv) {
    return rove::node::run(argc, argv);
}
