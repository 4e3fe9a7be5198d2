// SPDX-License-Identifier: Apache-2.0
// PostOffice: which process of this home has which mailbox, and the lines between them.
//
// A process says on mail.sock that it wants a mailbox, and to whom it wants a line. The office
// looks who both are, makes the two ends of a line, and hands one to each: no byte of a message
// passes here. Between two homes a line is a TCP connection that the two offices make and
// authenticate; a copy of its socket stays here, so that what a process has written before its end
// still arrives.
//
// An office that comes back after a restart knows the mailboxes from its journal; their processes
// find it again when they next have something to ask.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "base/fd.hh"
#include "node/async.hh"
#include "node/gossip_board.hh"
#include "node/peers.hh"
#include "wire/mail.hh"

namespace rove::node {

class PostOffice {
public:
    struct Place {
        std::string node, run_dir;
        std::vector<std::string> addresses; // where other nodes reach us
    };
    PostOffice(asio::io_context& io, GossipBoard& board, Place place);
    ~PostOffice();

    // `peers` outlives this.
    Status begin(Peers& peers);
    // A question from the office of another node.
    wire::MailReply serve(std::string const& from, wire::MailQuestion const& question);
    // How much processes of this home have to say to others, since their mailboxes were opened.
    struct Talk {
        wire::MailAddress with;
        std::string at; // the node at which it is reached soonest
        uint64_t messages = 0;
    };
    std::map<pid_t, std::vector<Talk>> talks() const;
    // That node is gone for good, or is another one by now: so are its mailboxes.
    void node_lost(std::string const& node);

private:
    struct Box; // a mailbox of this home
    using BoxPtr = std::shared_ptr<Box>;
    struct Awaited; // a connection that another office will make

    // --- post_office.cc
    Task<> serve_process(Fd socket, pid_t pid, uid_t uid);
    Result<BoxPtr> open_box(wire::MailOpen const& open, pid_t pid, uid_t uid);
    void close_box(BoxPtr const& box);
    bool take(BoxPtr const& box, std::string_view bytes);
    BoxPtr find_box(wire::MailAddress const& address);
    BoxPtr newest_of(int32_t process);
    bool alive(Box const& box) const;
    void recall();
    static std::string journal_line(Box const& box);
    void write_journal();
    void note(std::string const& line);
    Task<> answer_find(BoxPtr box, wire::MailFind find);

    // --- post_lines.cc
    Task<> call(BoxPtr box, wire::MailCall what);
    // 0: the line is on its way to both; EAGAIN: later perhaps; why there will be none.
    int call_here(BoxPtr const& box, wire::MailCall const& what);
    Task<int> call_there(BoxPtr box, wire::MailCall const& what);
    bool awaits(Box const& box, wire::MailAddress const& other) const;
    Task<Result<wire::MailReply>> ask(std::string node, wire::MailQuestion question);
    Task<Result<Fd>> connect(wire::MailReply reply);
    Status listen();
    Task<> accept_lines(std::shared_ptr<asio::ip::tcp::acceptor> acceptor);
    Task<> receive_line(asio::ip::tcp::socket socket);
    uint64_t next_number(uint64_t above);
    Result<wire::MailSender> sender_of(Box const& box) const;
    // --- post_counts.cc
    void want_counts(BoxPtr const& box);
    static void take_counts(Box& box, wire::MailCounted const& counted);
    // The descriptor goes with the packet, and a copy of it stays if another node has the other
    // end.
    void hand_over(BoxPtr const& box, wire::MailLine const& line, Fd socket);
    void say(BoxPtr const& box, std::string packet, Fd descriptor = {});
    Task<> deliver(BoxPtr box);
    Task<> part(Fd socket);

    asio::io_context& io_;
    GossipBoard& board_;
    Place place_;
    Peers* peers_ = nullptr;
    std::vector<std::string> line_places_;
    std::map<uint64_t, BoxPtr> boxes_;       // by incarnation
    std::map<std::string, Awaited> awaited_; // by token
    std::map<uid_t, size_t> boxes_of_;
    uint64_t last_opened_ = 0, last_number_ = 0;
    size_t journal_lines_ = 0;
    size_t strangers_ = 0; // connections that have not said their token yet
};

} // namespace rove::node
