// SPDX-License-Identifier: Apache-2.0
// The verbs `init` and `join`: write this node's configuration and the cluster's key.
//
// They only write two files beside each other; the daemon reads them when it starts. The key never
// stands on a command line, where everybody could read it.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.hh"
#include "base/text.hh"
#include "cli/answer.hh"
#include "cli/screen.hh"
#include "cli/verbs.hh"
#include "client/peer_name.hh"

#include <boost/json/object.hpp>

namespace rove::cli {

namespace {

using client::trouble;

constexpr char const* default_config = "/etc/rove/rove.toml";
constexpr char const* default_port = "7946";
constexpr size_t key_length_min = 16; // KEEP IN STEP WITH src/net/key.hh

tl::unexpected<Trouble> failed(std::string const& what) {
    return trouble(Exit::failed, fmt::format("{}: {}", what, std::strerror(errno)));
}

// KEEP IN STEP WITH src/node/config.cc
bool is_name(std::string_view text) {
    auto const fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '.' || c == '_';
    };
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), fits) &&
           text[0] != '-' && text != "home" && text != "best";
}

// "[fe80::1]:7946" and "host:7946" as they are, the rest with the port added.
std::string with_port(std::string const& address) {
    size_t const colon = address.rfind(':');
    bool const bracket = !address.empty() && address.front() == '[';
    if (bracket ? address.back() != ']' : address.find(':') == colon && colon != std::string::npos)
        return address;
    if (!bracket && colon != std::string::npos)
        return fmt::format("[{}]:{}", address, default_port);
    return fmt::format("{}:{}", address, default_port);
}

bool is_address(std::string_view text) {
    return !text.empty() && text.size() <= 255 &&
           text.find_first_not_of(
               "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:[]%") ==
               std::string_view::npos;
}

// Beside its final place first, so that a half-written file is never seen under its name.
Asked<bool> write_file(std::string const& path, std::string_view text, mode_t mode) {
    std::string const fresh = path + ".new";
    (void)unlink(fresh.c_str());
    Fd file(open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!file) return failed("cannot make " + fresh);
    if (fchmod(file.number(), mode) != 0) return failed("cannot protect " + fresh);
    std::string_view left = text;
    while (!left.empty()) {
        ssize_t const written = write(file.number(), left.data(), left.size());
        if (written < 0) return failed("cannot write " + fresh);
        left.remove_prefix(static_cast<size_t>(written));
    }
    if (fsync(file.number()) != 0 || rename(fresh.c_str(), path.c_str()) != 0)
        return failed("cannot write " + path);
    return true;
}

Asked<bool> make_directory(std::string const& path) {
    if (mkdir(path.c_str(), 0755) == 0 || errno == EEXIST) return true;
    return failed("cannot make " + path + " (are you root?)");
}

struct Place {
    std::string config, key;
};

// Where the files go; trouble if some are there already and --force was not given.
Asked<Place> place_of(Given const& given) {
    std::string const config = given.value("--config").value_or(default_config);
    size_t const slash = config.rfind('/');
    std::string const directory = slash == std::string::npos ? "."
                                  : slash == 0               ? "/"
                                                             : config.substr(0, slash);
    Place const place{config, (directory == "/" ? "" : directory) + "/key"};
    if (Asked<bool> made = make_directory(directory); !made)
        return tl::unexpected<Trouble>(made.error());
    for (std::string const& path : {place.config, place.key})
        if (!given.has("--force") && access(path.c_str(), F_OK) == 0)
            return trouble(
                Exit::failed, fmt::format("{} is there already; give --force to replace it", path));
    return place;
}

Asked<std::string> new_key() {
    unsigned char bytes[32];
    if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
        return failed("cannot get random bytes");
    std::string text;
    for (unsigned char byte : bytes)
        text += fmt::format("{:02x}", byte);
    return text;
}

Asked<std::string> read_key(Given const& given) {
    std::string const path = given.value("--key-file").value_or("-");
    if (path == "-" && isatty(STDIN_FILENO))
        (void)!write(STDERR_FILENO, "Key of the cluster: ", 20);
    Fd file(path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return failed("cannot read the key from " + path);
    std::string text;
    char bytes[4096];
    while (text.size() < 64 * 1024) {
        ssize_t const got = read(file.number(), bytes, sizeof(bytes));
        if (got < 0) return failed("cannot read the key from " + path);
        if (got == 0) break;
        text.append(bytes, static_cast<size_t>(got));
        if (path == "-" && text.find('\n') != std::string::npos) break;
    }
    std::string const key(trim(text));
    if (key.size() < key_length_min || key.find_first_of("\n\r") != std::string::npos)
        return trouble(Exit::failed,
            "that is no cluster key; copy /etc/rove/key of a node that is in the cluster");
    return key;
}

Asked<std::string> node_name(Given const& given) {
    std::string name;
    if (auto text = given.value("--node-name")) {
        name = *text;
    } else {
        char host[256] = "";
        (void)gethostname(host, sizeof(host) - 1);
        name = cut(host, '.').first;
    }
    if (!is_name(name))
        return trouble(Exit::usage,
            "a node's name consists of letters, digits, '-', '.' and '_', and is not home or best; "
            "give one with --node-name");
    return name;
}

// "10.0.0.1" of "10.0.0.1:7946".
std::string host_of(std::string const& full) {
    std::string host = full.substr(0, full.rfind(':'));
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    return host;
}

// As given, or the first address of this machine that is not its loopback's; with a port.
Asked<std::string> node_address(Given const& given) {
    if (auto const address = given.value("--address")) {
        if (!is_address(*address))
            return trouble(
                Exit::usage, "--address needs an address such as 10.0.0.1 or 10.0.0.1:7946");
        return with_port(*address);
    }
    ifaddrs* all = nullptr;
    std::string found;
    if (getifaddrs(&all) == 0) {
        for (ifaddrs const* one = all; one && found.empty(); one = one->ifa_next) {
            bool const fits = one->ifa_addr && one->ifa_addr->sa_family == AF_INET &&
                              (one->ifa_flags & IFF_UP) && !(one->ifa_flags & IFF_LOOPBACK);
            char text[INET_ADDRSTRLEN] = "";
            if (fits &&
                inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in const*>(one->ifa_addr)->sin_addr,
                    text, sizeof(text)))
                found = text;
        }
        freeifaddrs(all);
    }
    if (found.empty())
        return trouble(
            Exit::failed, "this machine has no network address yet; give one with --address");
    return with_port(found);
}

std::string config_text(std::string const& name, std::string const& address, std::string const& key,
    std::string const& peers) {
    std::string text =
        "# Rove: this node. 'rove config' shows every key and its value; see rove(1).\n\n";
    text += fmt::format("[node]\nname = \"{}\"\n", name);
    text += fmt::format("address = \"{}\"\nlisten = [\"{}\"]\n", host_of(address), address);
    return text + fmt::format("\n[cluster]\nkey_file = \"{}\"\npeers = [{}]\n", key, peers);
}

// The absolute form, since the daemon does not run in this directory.
std::string absolute(std::string const& path) {
    char* full = realpath(path.c_str(), nullptr);
    std::string const text = full ? full : path;
    free(full);
    return text;
}

int finish(Given const& given, Place const& place, std::string const& key, std::string const& name,
    std::string const& address, std::string const& peers, std::string const& next) {
    if (Asked<bool> done = write_file(place.key, key + "\n", 0600); !done)
        return report(given, done.error());
    std::string const text = config_text(name, address, absolute(place.key), peers);
    if (Asked<bool> done = write_file(place.config, text, 0644); !done)
        return report(given, done.error());
    if (given.json) {
        boost::json::object told{{"node", name}, {"config", place.config}, {"key_file", place.key}};
        return print(client::print_json(told) + "\n");
    }
    return print(fmt::format("Wrote {} and {}.\n{}", place.config, place.key, next));
}

int run_init(Given const& given) {
    Asked<std::string> name = node_name(given);
    if (!name) return report(given, name.error());
    Asked<std::string> address = node_address(given);
    if (!address) return report(given, address.error());
    Asked<Place> place = place_of(given);
    if (!place) return report(given, place.error());
    Asked<std::string> key = new_key();
    if (!key) return report(given, key.error());
    std::string const peer = fmt::format("{}={}", *name, *address);
    return finish(given, *place, *key, *name, *address, "",
        fmt::format("Next: 'systemctl restart roved' here. On each other node 'rove join {}', with "
                    "this key\n"
                    "on its standard input, for example\n"
                    "  ssh root@OTHER rove join {} < {}\n",
            peer, peer, place->key));
}

int run_join(Given const& given) {
    // NAME=ADDRESS, or a host's name for both.
    std::string host = given.arguments.front(), peer;
    if (size_t const equal = host.find('='); equal != std::string::npos) {
        peer = host.substr(0, equal);
        host = host.substr(equal + 1);
    } else {
        bool const numeric = host.find_first_not_of("0123456789.:[]") == std::string::npos ||
                             host.find(':') != host.rfind(':');
        if (!numeric) peer = cut(cut(host, ':').first, '.').first;
    }
    bool const nameless =
        peer.empty() && given.arguments.front() == host; // asked of the node itself
    if ((!nameless && !is_name(peer)) || !is_address(host))
        return usage(
            given, fmt::format("'{}' is no host", for_terminal(given.arguments.front(), true)));
    Asked<std::string> name = node_name(given);
    if (!name) return report(given, name.error());
    Asked<std::string> address = node_address(given);
    if (!address) return report(given, address.error());
    Asked<Place> place = place_of(given);
    if (!place) return report(given, place.error());
    Asked<std::string> key = read_key(given);
    if (!key) return report(given, key.error());
    if (nameless) {
        Result<std::string> asked = client::peer_name(with_port(host), *key);
        if (!asked)
            return report(given, Trouble{Exit::failed,
                                     fmt::format("cannot ask {0} for its name: {1}; write NAME={0}",
                                         host, asked.error().sentence())});
        if (!is_name(*asked))
            return report(given, Trouble{Exit::failed, fmt::format("{} has no good name", host)});
        peer = *asked;
    }
    std::string const peers =
        fmt::format("{{ name = \"{}\", address = \"{}\" }}", peer, with_port(host));
    return finish(given, *place, *key, *name, *address, peers,
        "Next: 'systemctl restart roved' here; then 'rove nodes' shows the cluster.\n");
}

Option const options_init[] = {
    {"--node-name", nullptr, "NAME", Kind::text, "this node's name; its host name if not given"},
    {"--address", nullptr, "ADDR", Kind::text,
        "where other nodes reach it, such as 10.0.0.1; the port is 7946"},
    {"--config", nullptr, "FILE", Kind::file,
        "the configuration; the key goes beside it (/etc/rove/rove.toml)"},
    {"--force", nullptr, nullptr, Kind::text, "replace what is there"},
};
Option const options_join[] = {
    {"--key-file", nullptr, "FILE", Kind::file,
        "the cluster's key; from standard input if not given"},
    {"--node-name", nullptr, "NAME", Kind::text, "this node's name; its host name if not given"},
    {"--address", nullptr, "ADDR", Kind::text,
        "where other nodes reach it, such as 10.0.0.2; the port is 7946"},
    {"--config", nullptr, "FILE", Kind::file,
        "the configuration; the key goes beside it (/etc/rove/rove.toml)"},
    {"--force", nullptr, nullptr, Kind::text, "replace what is there"},
};
Argument const arguments_join[] = {{"HOST", Kind::host, Need::must}};

} // namespace

Verb const init_verb{"init", "make a cluster whose first node is this one", {}, options_init,
    "Makes the cluster's key (readable by root only) and this node's configuration, and tells\n"
    "what to do next. Nothing that is there is replaced without --force.",
    run_init};

Verb const join_verb{"join", "make this node one of HOST's cluster", arguments_join, options_join,
    "Writes this node's configuration with HOST as its first peer, and the cluster's key, which\n"
    "is read from --key-file or standard input: it is /etc/rove/key of any node that\n"
    "is in the cluster. Tells what to do next. HOST is a host name, NAME=ADDRESS, or the address\n"
    "of a node that runs, which is asked for its name.\n\n"
    "    rove join n1 --key-file key\n"
    "    rove join n1=10.0.0.1 < key",
    run_join};

} // namespace rove::cli
