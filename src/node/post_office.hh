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
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "base/fd.hh"
#include "node/async.hh"
#include "node/gossip_board.hh"
#include "node/peers.hh"
#include "wire/mail_direct.hh"
#include "wire/mail_move.hh"

namespace rove::node {

class PostOffice {
public:
    struct Place {
        std::string node, run_dir;
        std::vector<std::string> addresses; // where other nodes reach us
        // The node where a process of this home is; empty: it is on its way.
        std::function<std::string(pid_t)> where;
        // Whether a process of that home is a guest here.
        std::function<bool(std::string const&, pid_t)> hosts;
        // Moves a process of this home to that node (or home, or best), as this user might do: 0,
        // or an errno value of rove.h.
        std::function<Task<int>(pid_t, std::string, uid_t)> move;
    };
    PostOffice(asio::io_context& io, GossipBoard& board, Place place);
    ~PostOffice();

    // `peers` outlives this.
    Status begin(Peers& peers);
    // Whether that verb is a question from the office of another node, and what it is answered.
    static bool answers(std::string_view verb);
    Task<wire::Answer> serve_ask(std::string from, wire::Ask ask);
    // How much processes of this home have to say to others, since their mailboxes were opened.
    struct Talk {
        wire::MailAddress with;
        std::string at; // the node at which it is reached soonest
        uint64_t messages = 0;
    };
    std::map<pid_t, std::vector<Talk>> talks() const;
    // A process of this home is somewhere else now.
    void moved(pid_t pid);
    // That node is gone for good, or is another one by now: so are its mailboxes.
    void node_lost(std::string const& node);
    // The board takes it for dead.
    Task<> node_silent(std::string node);

private:
    // --- post_questions.cc
    template <class Question, class Reply>
    Task<wire::Answer> answer(std::string from, std::string body,
        Task<Reply> (PostOffice::*serve)(std::string, Question));
    // Of a line to a mailbox here.
    Task<wire::MailReply> serve_line(std::string from, wire::MailQuestion question);
    // Of a line that does not touch this home, or an end of one for a guest here.
    Task<wire::MailDirectReply> serve_direct(std::string from, wire::MailDirectQuestion question);
    Task<wire::MailReply> serve_end(std::string from, wire::MailEndQuestion question);
    // Of a process here that another one wants to be with.
    Task<wire::MailTogetherReply> serve_together(
        std::string from, wire::MailTogetherQuestion question);

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
    // `acknowledged`: the other end says a byte when it is in its place.
    Task<Result<Fd>> connect(std::vector<std::string> places, std::string token, bool acknowledged);
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

    // --- post_lost.cc
    // Fails with ESRCH if that node is gone for good.
    template <class Reply, class T>
    Task<Result<Reply>> ask(
        std::string node, T question, char const* verb, Nanos patience = std::chrono::seconds(3));

    // --- post_direct.cc
    struct Offered; // an end of a better carrier whose process has not been told yet
    struct Between;
    std::string place_of(wire::MailAddress const& partner) const;
    std::string place_for(Box const& box) const;
    void note_used(BoxPtr const& box, wire::MailUsed const& used);
    Task<> go_direct(BoxPtr box, wire::MailAddress to);
    Task<bool> try_direct(BoxPtr box, wire::MailAddress to);
    bool pair_up(BoxPtr const& box, BoxPtr const& other, wire::MailDirectQuestion const& question);
    Task<wire::MailDirectReply> offer_end(BoxPtr box, wire::MailDirectQuestion question);
    bool tell_offered(std::string const& token);
    void tell_direct(
        BoxPtr const& box, wire::MailDirect const& what, Between const& between, Fd socket);
    Task<> follow(BoxPtr box, uint64_t ticket);
    Task<> let_go(std::string place, pid_t process, uint64_t ticket);
    int knows(std::string const& place, uint64_t ticket) const;

    // --- post_together.cc: processes that want to be where others are
    Task<> answer_move(BoxPtr box, wire::MailMove wish);
    Task<int> invite(BoxPtr box, wire::MailAddress whom);
    // 0, or an errno value of rove.h.
    Task<int> go_to(BoxPtr box, wire::MailAddress with, uid_t asker, bool invited);
    Task<wire::MailTogetherReply> find_out_where(BoxPtr box, wire::MailAddress whom);
    wire::MailTogetherReply where_to_join(Box const& box, wire::MailAddress const& joins) const;

    // --- post_ends.cc
    struct GuestEnd;
    Result<std::string> await_end(Awaited const& awaited);
    void take_end(std::string const& token, Awaited const& awaited, Fd socket);
    Task<> let_follow(uint64_t ticket, Fd socket);
    void keep_end(uint64_t ticket, std::shared_ptr<GuestEnd> const& end);
    int make_ring(uint64_t ticket, std::shared_ptr<GuestEnd> const& end, std::string const& token);
    void part_end(GuestEnd& end);
    void fetch(int answer_to, std::string_view body);
    Task<> look_after_ends();
    Task<> ask_home(uint64_t ticket, std::shared_ptr<GuestEnd> end);
    void ends_of_lost(std::string const& node);

    asio::io_context& io_;
    GossipBoard& board_;
    Place place_;
    Peers* peers_ = nullptr;
    std::vector<std::string> line_places_;
    std::map<uint64_t, BoxPtr> boxes_;                         // by incarnation
    std::map<std::string, Awaited> awaited_;                   // by token
    std::map<std::string, std::shared_ptr<Offered>> offered_;  // by token
    std::map<uint64_t, std::shared_ptr<GuestEnd>> guest_ends_; // by ticket
    std::map<uid_t, size_t> boxes_of_;
    uint64_t last_opened_ = 0, last_number_ = 0;
    size_t journal_lines_ = 0;
    size_t strangers_ = 0; // connections that have not said their token yet
};

} // namespace rove::node
