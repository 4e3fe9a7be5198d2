// SPDX-License-Identifier: Apache-2.0
// PostOffice: mailboxes of this home and the processes that have them. Lines are in post_lines.cc.
#include "node/post_office.hh"

#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <spdlog/spdlog.h>

#include "base/text.hh"
#include "node/local_listener.hh"
#include "node/mail_rights.hh"
#include "node/post_office_parts.hh"
#include "node/proc.hh"
#include "sys/files.hh"
#include "sys/random.hh"
#include "sys/sockets.hh"

namespace rove::node {

using wire::MailType;

namespace {

constexpr size_t boxes_max = 8192, user_boxes_max = 1024;
constexpr size_t calls_max = 64;     // of one mailbox at a time
constexpr size_t unheard_max = 4096; // answers that it leaves lying, and asks for more

Result<uint64_t> random_number() {
    std::string noise = TRY(sys::random_bytes(sizeof(uint64_t)));
    uint64_t number = 0;
    std::memcpy(&number, noise.data(), sizeof number);
    return number;
}

} // namespace

PostOffice::PostOffice(asio::io_context& io, GossipBoard& board, Place place)
    : io_(io), board_(board), place_(std::move(place)) {}
PostOffice::~PostOffice() = default;

Status PostOffice::begin(Peers& peers) {
    peers_ = &peers;
    recall();
    TRY(listen());
    return listen_locally(
        io_, place_.run_dir + "/mail.sock", 0666, [this](Fd socket, ucred const& caller) {
            start(io_, serve_process(std::move(socket), caller.pid, caller.uid));
        });
}

// One line for each mailbox that was opened, and one for each that was closed.
void PostOffice::recall() {
    auto text = sys::read_file(place_.run_dir + "/mailboxes");
    if (!text) return;
    for (std::string_view line : lines(*text)) {
        auto parts = words(line);
        auto number = [&](size_t at) {
            auto parsed = parse_number<uint64_t>(parts.size() > at ? parts[at] : "");
            return parsed ? *parsed : 0;
        };
        if (parts.empty()) continue;
        if (parts[0] == "closed") boxes_.erase(number(1));
        if (parts[0] != "open" || parts.size() != 5) continue;
        auto box = std::make_shared<Box>();
        box->address = {place_.node, static_cast<int32_t>(number(2)), number(1)};
        box->pid = box->address.process;
        box->start_time = number(3);
        box->uid = static_cast<uid_t>(number(4));
        box->opened = ++last_opened_;
        boxes_[box->address.incarnation] = box;
    }
    std::erase_if(boxes_, [&](auto const& entry) { return !alive(*entry.second); });
    for (auto const& [incarnation, box] : boxes_)
        ++boxes_of_[box->uid];
    write_journal();
}

std::string PostOffice::journal_line(Box const& box) {
    return fmt::format(
        "open {} {} {} {}\n", box.address.incarnation, box.pid, box.start_time, box.uid);
}

void PostOffice::write_journal() {
    std::string living;
    for (auto const& [incarnation, box] : boxes_)
        living += journal_line(*box);
    journal_lines_ = boxes_.size();
    auto noted = sys::replace_file(place_.run_dir + "/mailboxes", living, 0600);
    if (!noted) spdlog::warn("mailboxes: {}", noted.error().what);
}

// Most lines of a long journal are of mailboxes that came and went.
void PostOffice::note(std::string const& line) {
    constexpr size_t lines_max = 10000;
    if (++journal_lines_ > 2 * boxes_.size() + lines_max) return write_journal();
    auto noted = sys::append_file(place_.run_dir + "/mailboxes", line, 0600);
    if (!noted) spdlog::warn("mailboxes: {}", noted.error().what);
}

bool PostOffice::alive(Box const& box) const {
    auto stat = look_stat(box.pid);
    return stat && stat->start_time == box.start_time;
}

Task<> PostOffice::serve_process(Fd socket, pid_t pid, uid_t uid) {
    asio::posix::stream_descriptor ready(io_, ::fcntl(socket.number(), F_DUPFD_CLOEXEC, 3));
    int const number = socket.number();
    std::string buffer(wire::mail_packet_max + 1, '\0');
    BoxPtr box;
    for (;;) {
        // Whoever calls for many lines at once waits for some of them.
        while (box && box->calls >= calls_max)
            co_await pause(io_, std::chrono::milliseconds(5));
        auto [error] =
            co_await ready.async_wait(asio::posix::stream_descriptor::wait_read, no_throw);
        if (error) break;
        ssize_t count = ::recv(number, buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (count < 0 && sys::may_follow(errno)) continue;
        if (count <= 0) break;
        std::string_view bytes(buffer.data(), static_cast<size_t>(count));
        if (box) {
            if (!take(box, bytes)) break;
            continue;
        }
        auto packet = wire::open_mail_packet(bytes);
        bool of_keeper = uid == 0 || uid == ::geteuid();
        if (packet && packet->type == MailType::fetch && of_keeper) {
            fetch(number, packet->body);
            break;
        }
        auto open = packet && packet->type == MailType::open
                        ? wire::decode<wire::MailOpen>(packet->body)
                        : std::nullopt;
        if (!open) break;
        auto opened = open_box(*open, pid, uid);
        if (!opened) {
            std::string denied =
                wire::mail_packet(MailType::denied, wire::MailDenied{opened.error().code});
            (void)::send(number, denied.data(), denied.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            break;
        }
        box = *opened;
        box->socket = std::move(socket);
        // Before what has waited for it.
        box->outbox.push_front(
            {wire::mail_packet(MailType::opened, wire::MailOpened{box->address}), {}});
        box->counts = false;
        if (open->incarnation != 0) want_counts(box);
        if (!box->delivering) start(io_, deliver(box));
    }
    // Its end: exit, exec and close look the same from here. A mailbox that has found its way back
    // over another connection lives on.
    if (box && box->socket.number() == number) close_box(box);
}

Result<PostOffice::BoxPtr> PostOffice::open_box(wire::MailOpen const& open, pid_t pid, uid_t uid) {
    auto stat = TRY(look_stat(pid));
    if (open.incarnation != 0) {
        auto known = boxes_.find(open.incarnation);
        bool its = known != boxes_.end() && known->second->pid == pid &&
                   known->second->start_time == stat.start_time && !known->second->socket;
        if (!its) return deny(ESTALE, "no such mailbox");
        return known->second;
    }
    bool root = uid == 0;
    if (boxes_.size() >= (root ? 2 * boxes_max : boxes_max) ||
        (!root && boxes_of_[uid] >= user_boxes_max))
        return deny(EUSERS, "too many mailboxes");
    auto box = std::make_shared<Box>();
    do {
        box->address = {place_.node, pid, TRY(random_number())};
    } while (box->address.incarnation == 0 || boxes_.contains(box->address.incarnation));
    box->pid = pid;
    box->uid = uid;
    box->start_time = stat.start_time;
    box->opened = ++last_opened_;
    boxes_[box->address.incarnation] = box;
    ++boxes_of_[uid];
    note(journal_line(*box));
    return box;
}

void PostOffice::close_box(BoxPtr const& box) {
    if (std::exchange(box->closed, true)) return;
    boxes_.erase(box->address.incarnation);
    if (--boxes_of_[box->uid] == 0) boxes_of_.erase(box->uid);
    note(fmt::format("closed {}\n", box->address.incarnation));
    // Copies of it may still wait for what its process does not read.
    if (box->socket) (void)::shutdown(box->socket.number(), SHUT_RDWR);
    box->socket.close();
    box->outbox.clear();
    for (auto& [number, held] : box->held)
        start(io_, part(std::move(held.socket)));
    box->held.clear();
    for (auto const& [ticket, end] : box->away_ends)
        start(io_, let_go(end.place, box->pid, ticket));
    box->away_ends.clear();
    std::erase_if(awaited_,
        [&](auto const& entry) { return entry.second.incarnation == box->address.incarnation; });
}

bool PostOffice::take(BoxPtr const& box, std::string_view bytes) {
    auto packet = wire::open_mail_packet(bytes);
    if (!packet || box->outbox.size() >= unheard_max) return false;
    if (packet->type == MailType::call) {
        auto what = wire::decode<wire::MailCall>(packet->body);
        if (!what) return false;
        ++box->calls;
        start(io_, call(box, std::move(*what)));
        return true;
    }
    if (packet->type == MailType::find) {
        auto find = wire::decode<wire::MailFind>(packet->body);
        if (!find) return false;
        ++box->calls;
        start(io_, answer_find(box, std::move(*find)));
        return true;
    }
    if (packet->type == MailType::move) {
        auto wish = wire::decode<wire::MailMove>(packet->body);
        if (!wish) return false;
        start(io_, answer_move(box, std::move(*wish)));
        return true;
    }
    if (packet->type == MailType::counted) {
        auto counted = wire::decode<wire::MailCounted>(packet->body);
        if (!counted) return false;
        take_counts(*box, *counted);
        return true;
    }
    if (packet->type == MailType::used) {
        auto used = wire::decode<wire::MailUsed>(packet->body);
        if (used) note_used(box, *used);
        return used.has_value();
    }
    if (packet->type == MailType::follow) {
        auto wanted = wire::decode<wire::MailFollow>(packet->body);
        if (!wanted) return false;
        ++box->calls;
        start(io_, follow(box, wanted->ticket));
        return true;
    }
    if (packet->type == MailType::left) {
        auto end = wire::decode<wire::MailFollow>(packet->body);
        if (!end) return false;
        if (auto known = box->away_ends.extract(end->ticket))
            start(io_, let_go(known.mapped().place, box->pid, end->ticket));
        return true;
    }
    if (packet->type == MailType::ended) {
        auto ended = wire::decode<wire::MailEnded>(packet->body);
        if (!ended) return false;
        box->held.erase(ended->number);
        for (auto& [incarnation, partner] : box->partners)
            if (partner.number == ended->number) partner.open = false;
        return true;
    }
    return false;
}

PostOffice::BoxPtr PostOffice::find_box(wire::MailAddress const& address) {
    auto found = boxes_.find(address.incarnation);
    if (found == boxes_.end() || found->second->address.process != address.process) return nullptr;
    BoxPtr box = found->second;
    if (!box->socket && !alive(*box)) {
        close_box(box);
        return nullptr;
    }
    return box;
}

PostOffice::BoxPtr PostOffice::newest_of(int32_t process) {
    BoxPtr newest;
    for (auto const& [incarnation, box] : boxes_)
        if (box->address.process == process && (!newest || box->opened > newest->opened))
            newest = box;
    return newest ? find_box(newest->address) : nullptr;
}

Task<> PostOffice::answer_find(BoxPtr box, wire::MailFind find) {
    wire::MailFound found;
    found.question = find.question;
    found.code = ESRCH;
    auto from = sender_of(*box);
    if (from && find.home == place_.node) {
        BoxPtr other = newest_of(find.process);
        auto to = other ? sender_of(*other) : from;
        if (other && to && may_send(*from, *to)) {
            found.code = 0;
            found.address = other->address;
        }
    } else if (from) {
        // Named, since g++ 12 destroys what is made within an awaited expression twice.
        wire::MailQuestion question{*from, {find.home, find.process, 0}, 0};
        auto reply = co_await ask<wire::MailReply>(find.home, question, wire::mail_verb);
        found.code = reply ? reply->code : reply.error().code;
        if (reply) found.address = reply->to.address;
    }
    --box->calls;
    say(box, wire::mail_packet(MailType::found, found));
}

} // namespace rove::node
