// SPDX-License-Identifier: Apache-2.0
// Manual: manual pages for scdoc, and one completion each for bash, zsh and fish; see manual.hh.
#include "cli/manual.hh"

#include <cstdio>

#include <fmt/core.h>
#include <sys/stat.h>

#include "cli/usage.hh"
#include "cli/verbs.hh"

namespace rove::cli {

namespace {

char const* const node_verbs = "block unblock expel bring drain auto";
char const* const lab_verbs = "up run status kill start cut heal daemon log down";

// scdoc takes these for markup.
std::string escaped(std::string_view text) {
    std::string all;
    if (text.starts_with('-')) all += '\\'; // no list, but an option that begins a line
    for (char c : text) {
        if (c == '_' || c == '*' || c == '\\' || c == '#' || c == '[' || c == '<' || c == '>')
            all += '\\';
        all += c;
    }
    return all;
}

std::string option_entry(Option const& option) {
    std::string text = option.brief ? fmt::format("*{}*, *{}*", option.brief, option.name)
                                    : fmt::format("*{}*", option.name);
    if (option.value) text += " " + escaped(option.value);
    return text + "\n\t" + escaped(option.sentence) + "\n\n";
}

// The verb's text: paragraphs as they are, indented lines and lists verbatim.
std::string body_of(std::string_view text) {
    std::string page;
    bool verbatim = false;
    while (!text.empty()) {
        size_t const end = std::min(text.find('\n'), text.size());
        std::string_view const line = text.substr(0, end);
        bool const indented = line.starts_with("  ");
        if (indented && !verbatim) page += page.ends_with("\n\n") ? "```\n" : "\n```\n";
        if (!indented && verbatim) page += line.empty() ? "```\n" : "```\n\n";
        verbatim = indented;
        page += indented ? std::string(line) : escaped(line);
        page += "\n";
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return page + (verbatim ? "```\n" : "");
}

// The sentence after another in `'…'` must not end the shell's quotes.
std::string shell_quoted(std::string_view text) {
    std::string all = "'";
    for (char c : text)
        all += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return all + "'";
}

} // namespace

std::string general_page(std::string const& version) {
    std::string page =
        "rove(1)\n\n# NAME\n\nrove - move running programs between machines\n\n# SYNOPSIS\n\n"
        "*rove* VERB \\[ARGUMENT\\]... \\[OPTION\\]...\n\n# DESCRIPTION\n\n"
        "Makes a set of machines behave like one machine with many cores: unmodified programs\n"
        "are started on any node, and while they run they are moved to where the CPU and memory\n"
        "are, and home again. Options may stand before or after arguments.\n\n# VERBS\n\n";
    for (Verb const* verb : all_verbs())
        page += fmt::format(
            "*{}*\n\t{}; see *rove-{}*(1)\n\n", verb->name, escaped(verb->sentence), verb->name);
    page += "# OPTIONS\n\n" + option_entry(json_option) + option_entry(help_option);
    page += "*--version*\n\tshow the version\n\n";
    page += "# EXIT STATUS\n\n*0*\n\tdone\n\n*1*\n\tfailed, and everything is as it "
            "was\n\n*2*\n\tusage\n\n"
            "*3*\n\tconfined; the reason is printed\n\n*4*\n\tno such process, or not yours\n\n"
            "*5*\n\tthe daemon does not answer\n\n";
    page += "# ENVIRONMENT\n\n*ROVE\\_SOCKET*\n\tthe daemon's socket, if it is not "
            "/run/rove/control.sock\n\n"
            "*NO\\_COLOR*\n\tno colours\n\n# FILES\n\n/etc/rove/rove.toml\n\tthe configuration; "
            "*rove config* shows every key\n\n"
            "# SEE ALSO\n\n*roved*(8)\n\n";
    return page + "Version " + escaped(version) + ".\n";
}

std::string verb_page(Verb const& verb) {
    std::string page = fmt::format("rove-{}(1)\n\n# NAME\n\nrove-{} - {}\n\n# SYNOPSIS\n\n",
        verb.name, verb.name, escaped(verb.sentence));
    page +=
        escaped(synopsis(verb)) + "\n\n# DESCRIPTION\n\n" + body_of(verb.text) + "\n# OPTIONS\n\n";
    for (Option const& option : verb.options)
        page += option_entry(option);
    page += option_entry(json_option) + option_entry(help_option);
    return page + "# SEE ALSO\n\n*rove*(1), also for the exit status\n";
}

// The daemon's page. Its keys have a page of their own, which the daemon writes from its table.
std::string daemon_page(std::string const& version) {
    std::string page =
        "roved(8)\n\n# NAME\n\nroved - the daemon of a Rove node\n\n# SYNOPSIS\n\n"
        "*roved* \\[*--config* FILE\\]\n\n# DESCRIPTION\n\n"
        "Runs on every node of a cluster, as root and in the foreground. It answers *rove*(1) on "
        "a\n"
        "UNIX socket, tells the other nodes how much its own has to do, and starts a rove-keeper\n"
        "for each process that leaves and each guest that comes.\n\n"
        "The daemon takes no part in what is moved: programs and guests go on while it is "
        "stopped,\n"
        "restarted or replaced, and it finds them again by what it keeps in its run directory.\n"
        "A node without a configuration file is a cluster of its own.\n\n# OPTIONS\n\n"
        "*--config* FILE\n\tread FILE, which must exist; otherwise /etc/rove/rove.toml, if there "
        "is one\n\n";
    page += option_entry(help_option);
    page += "# SIGNALS\n\n*SIGTERM*, *SIGINT*\n\tend; programs and guests stay as they are\n\n"
            "# EXIT STATUS\n\n*0*\n\tended by a signal\n\n*1*\n\tcould not start; the reason is "
            "on standard error\n\n*2*\n\tusage\n\n";
    page += "# FILES\n\n/etc/rove/rove.toml\n\tthe configuration: *rove.toml*(5); *rove config* "
            "shows what is in force\n\n/etc/rove/key\n\tthe cluster's key; *rove init* makes it, "
            "*rove join* takes it\n\n/run/rove\n\tthe sockets, and the state of this boot\n\n";
    page += "# NOTES\n\nAs a service it must be stopped without its keepers (KillMode=process in "
            "systemd), or stopping\nit ends every guest. *rove-drain.service* runs *rove node "
            "drain* when the "
            "machine shuts down.\n\n";
    return page +
           "# SEE ALSO\n\n*rove*(1), *rove-node*(1), *rove-config*(1), *rove-check*(1), "
           "*rove.toml*(5)\n\n"
           "Version " +
           escaped(version) + ".\n";
}

std::string bash_completion() {
    std::string verbs, cases;
    for (Verb const* verb : all_verbs()) {
        verbs += std::string(verbs.empty() ? "" : " ") + verb->name;
        std::string options, values;
        for (Option const& option : verb->options) {
            options += std::string(option.name) + " ";
            if (option.brief) options += std::string(option.brief) + " ";
            if (option.kind == Kind::file)
                values += fmt::format(
                    "        {}) COMPREPLY=($(compgen -f -- \"$cur\")); return;;\n", option.name);
            else if (option.kind == Kind::place)
                values += fmt::format("        {}) COMPREPLY=($(compgen -W \"$(_rove_nodes) best "
                                      "home\" -- \"$cur\")); return;;\n",
                    option.name);
            else if (option.value)
                values += fmt::format("        {}) return;;\n", option.name);
        }
        options += "--json --help";
        cases += fmt::format("    {})\n        options='{}'\n", verb->name, options);
        if (!values.empty())
            cases += fmt::format("        case $prev in\n{}        esac\n", values);
        std::string words;
        for (Argument const& argument : verb->arguments) {
            if (argument.kind == Kind::pid) words += "$(_rove_pids) ";
            if (argument.kind == Kind::place) words += "$(_rove_nodes) best home ";
            if (argument.kind == Kind::node) words += "$(_rove_nodes) ";
            if (argument.kind == Kind::node_verb) words += std::string(node_verbs) + " on off ";
            if (argument.kind == Kind::lab_verb) words += std::string(lab_verbs) + " ";
            if (argument.kind == Kind::host) words += "$(compgen -A hostname) ";
            if (argument.kind == Kind::command)
                cases += "        [[ $cur == -* ]] || { COMPREPLY=($(compgen -c -f -- \"$cur\")); "
                         "return; };\n";
        }
        if (!words.empty()) cases += fmt::format("        words=\"{}\"\n", words);
        cases += "        ;;\n";
    }
    return "# rove: bash completion, made from the table of verbs.\n"
           "_rove_pids() { rove ps 2>/dev/null | awk 'NR > 1 { print $1 }'; }\n"
           "_rove_nodes() { rove nodes 2>/dev/null | awk 'NR > 1 { print $1 }'; }\n"
           "_rove() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} "
           "options= words=\n"
           "    COMPREPLY=()\n    if ((COMP_CWORD == 1)); then\n"
           "        COMPREPLY=($(compgen -W '" +
           verbs +
           " help --help --version --json' -- \"$cur\"))\n        return\n    fi\n"
           "    case ${COMP_WORDS[1]} in\n    help)\n        words='" +
           verbs + "'\n        ;;\n" + cases +
           "    esac\n    COMPREPLY=($(compgen -W \"$options $words\" -- \"$cur\"))\n}\ncomplete "
           "-F _rove rove\n";
}

namespace {

char const* zsh_values(Kind kind) {
    switch (kind) {
    case Kind::pid:
        return ":PID:($(_rove_pids))";
    case Kind::node:
        return ":node:($(_rove_nodes))";
    case Kind::place:
        return ":node:($(_rove_nodes) best home)";
    case Kind::host:
        return ":host:_hosts";
    case Kind::file:
        return ":file:_files";
    case Kind::node_verb:
        return ":verb:(block unblock expel bring drain auto)";
    case Kind::lab_verb:
        return ":act:(up run status kill start cut heal daemon log down)";
    case Kind::command:
        return ":command:_normal";
    case Kind::text:
    case Kind::number:
    case Kind::size:
        return ":value: ";
    }
    return "";
}

std::string zsh_option(Option const& option) {
    std::string sentence;
    for (char c : std::string_view(option.sentence)) {
        if (c == '[' || c == ']' || c == ':') sentence += '\\';
        sentence += c;
    }
    std::string text;
    for (char const* name : {option.brief, option.name})
        if (name)
            text += " " + shell_quoted(fmt::format("{}[{}]{}", name, sentence,
                              option.value ? zsh_values(option.kind) : ""));
    return text;
}

} // namespace

std::string zsh_completion() {
    std::string verbs, cases;
    for (Verb const* verb : all_verbs()) {
        verbs += fmt::format(
            "        {}\n", shell_quoted(fmt::format("{}:{}", verb->name, verb->sentence)));
        std::string line = fmt::format("    {}) _arguments", verb->name);
        for (Option const& option : verb->options)
            line += zsh_option(option);
        line += zsh_option(json_option) + zsh_option(help_option);
        for (Argument const& argument : verb->arguments)
            line += " " + shell_quoted((argument.kind == Kind::command ? "*:" : "") +
                                       std::string(zsh_values(argument.kind)));
        cases += line + " ;;\n";
    }
    return "#compdef rove\n# rove: zsh completion, made from the table of verbs.\n"
           "_rove_pids() { rove ps 2>/dev/null | awk 'NR > 1 { print $1 }' }\n"
           "_rove_nodes() { rove nodes 2>/dev/null | awk 'NR > 1 { print $1 }' }\n"
           "_rove() {\n    local -a verbs\n    verbs=(\n" +
           verbs +
           "    )\n"
           "    if ((CURRENT == 2)); then\n        _describe verb verbs\n        return\n    fi\n"
           "    local verb=$words[2]\n    shift words\n    ((CURRENT--))\n    case $verb in\n" +
           cases + "    esac\n}\n_rove \"$@\"\n";
}

std::string fish_completion() {
    std::string text =
        "# rove: fish completion, made from the table of verbs.\n"
        "function __rove_pids; rove ps 2>/dev/null | awk 'NR > 1 { print $1 }'; end\n"
        "function __rove_nodes; rove nodes 2>/dev/null | awk 'NR > 1 { print $1 }'; end\n"
        "complete -c rove -f\n";
    auto const option_line = [&](std::string const& when, Option const& option) {
        std::string line = fmt::format("complete -c rove -n '{}' -l {}", when, option.name + 2);
        if (option.brief) line += fmt::format(" -s {}", option.brief + 1);
        if (option.value) line += option.kind == Kind::file ? " -r -F" : " -x";
        if (option.value && option.kind == Kind::place) line += " -a '(__rove_nodes) best home'";
        return line + " -d " + shell_quoted(option.sentence) + "\n";
    };
    for (Verb const* verb : all_verbs()) {
        std::string const when = fmt::format("__fish_seen_subcommand_from {}", verb->name);
        text += fmt::format("complete -c rove -n __fish_use_subcommand -a {} -d {}\n", verb->name,
            shell_quoted(verb->sentence));
        for (Option const& option : verb->options)
            text += option_line(when, option);
        text += option_line(when, json_option) + option_line(when, help_option);
        for (Argument const& argument : verb->arguments) {
            char const* words = nullptr;
            if (argument.kind == Kind::pid) words = "(__rove_pids)";
            if (argument.kind == Kind::place) words = "(__rove_nodes) best home";
            if (argument.kind == Kind::node) words = "(__rove_nodes)";
            if (argument.kind == Kind::node_verb) words = node_verbs;
            if (argument.kind == Kind::lab_verb) words = lab_verbs;
            if (argument.kind == Kind::host) words = "(__fish_print_hostnames)";
            if (argument.kind == Kind::command) words = "(__fish_complete_subcommand)";
            if (words) text += fmt::format("complete -c rove -n '{}' -a '{}'\n", when, words);
        }
    }
    return text;
}

int write_manual(std::vector<std::string> const& words) {
    if (words.size() != 2) {
        std::fputs("usage: rove .manual DIRECTORY VERSION\n", stderr);
        return 2;
    }
    std::string const directory = words[0] + "/";
    (void)mkdir(directory.c_str(), 0755);
    (void)mkdir((directory + "completion").c_str(), 0755);
    bool good = true;
    auto const put = [&](std::string const& name, std::string const& text) {
        std::FILE* file = std::fopen((directory + name).c_str(), "we");
        good = good && file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
        if (file) good = std::fclose(file) == 0 && good;
    };
    put("rove.1.scd", general_page(words[1]));
    put("roved.8.scd", daemon_page(words[1]));
    for (Verb const* verb : all_verbs())
        put(fmt::format("rove-{}.1.scd", verb->name), verb_page(*verb));
    put("completion/rove.bash", bash_completion());
    put("completion/_rove", zsh_completion());
    put("completion/rove.fish", fish_completion());
    if (!good) std::perror("cannot write the manual");
    return good ? 0 : 1;
}

} // namespace rove::cli
