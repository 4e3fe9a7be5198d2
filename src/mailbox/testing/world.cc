// SPDX-License-Identifier: Apache-2.0
// World: see world.hh.
#include "mailbox/testing/world.hh"

#include <algorithm>

namespace rove::mailbox::testing {

namespace {

Address address_of(size_t member) {
    return {"n" + std::to_string(member % 3), static_cast<int32_t>(100 + member), 7000 + member};
}

// Number and length can be read off every byte of it.
std::string text_of_message(size_t from, uint32_t number, size_t length) {
    std::string text = std::to_string(from) + " " + std::to_string(number) + " ";
    while (text.size() < length)
        text.push_back(static_cast<char>(number * 31 + text.size()));
    return text;
}

} // namespace

World::World(size_t mailboxes, uint64_t window, uint32_t seed) : chance_(seed), window_(window) {
    for (size_t i = 0; i < mailboxes; ++i) {
        Member& member = members_.emplace_back();
        member.mailbox = std::make_unique<Mailbox>(address_of(i), Mailbox::Notices::yes, window);
        member.sent.resize(mailboxes);
        member.read.resize(mailboxes);
    }
}

void World::send(size_t from, size_t to, size_t length) {
    if (from == to || members_[from].life != Life::living) return;
    Mailbox& mailbox = *members_[from].mailbox;
    Peer peer = mailbox.meet(address_of(to));
    uint32_t& sent = members_[from].sent[to];
    std::string text = text_of_message(from, sent, length);
    std::string_view const parts[2] = {
        std::string_view(text).substr(0, 1), std::string_view(text).substr(1)};
    if (mailbox.send(peer, parts) == Mailbox::Sent::yes) ++sent;
    take_calls();
}

void World::receive(size_t at, std::optional<size_t> of) {
    if (members_[at].life != Life::living) return;
    Mailbox& mailbox = *members_[at].mailbox;
    Filter filter;
    if (of) {
        filter.sender = mailbox.find(address_of(*of));
        if (!filter.sender) return;
    }
    if (auto const* letter = mailbox.look(filter)) check(at, mailbox.take(letter));
}

void World::check(size_t at, Letter letter) {
    Member& member = members_[at];
    if (letter.kind == Letter::Kind::gone) {
        ++member.notices;
        return;
    }
    size_t from = 0;
    while (!(address_of(from) == member.mailbox->address(letter.sender)))
        ++from;
    uint32_t number = member.read[from]++;
    ++received_;
    if (letter.bytes.text() != text_of_message(from, number, letter.bytes.size()))
        wrong_ = std::to_string(from) + " to " + std::to_string(at) + ": not message " +
                 std::to_string(number);
}

void World::close(size_t at) {
    if (members_[at].life != Life::living) return;
    // What is written on a line that is cut, and not yet known to be, would be lost with its
    // writer.
    for (auto& line : std::vector(lines_))
        for (int i = 0; i < 2; ++i)
            if (auto& end = line->ends[static_cast<size_t>(i)];
                (line->cut || line->ends[static_cast<size_t>(1 - i)].closed) && end.holds &&
                end.member == at)
                lost(*line, i);
    members_[at].life = Life::closing;
    members_[at].mailbox->finish();
}

void World::take_calls() {
    for (auto& member : members_) {
        if (member.life >= Life::closed) continue;
        for (auto call : member.mailbox->take_calls()) {
            size_t other = 0;
            while (!(address_of(other) == member.mailbox->address(call.peer)))
                ++other;
            auto caller = static_cast<size_t>(&member - members_.data());
            if (on_its_way(caller, other, call.above)) continue;
            if (gone(other)) {
                member.mailbox->refused(call.peer, Mailbox::Refusal::gone);
                continue;
            }
            auto line = std::make_shared<Line>();
            line->number = last_line_ = std::max(last_line_, call.above) + 1;
            line->ends[0].member = caller;
            line->ends[0].peer = call.peer;
            line->ends[1].member = other;
            lines_.push_back(line);
            answers_.push_back({line, 0});
            answers_.push_back({line, 1});
        }
    }
}

// Home makes no second line while the caller has not seen the first.
bool World::on_its_way(size_t caller, size_t other, uint64_t above) const {
    return std::any_of(lines_.begin(), lines_.end(), [&](auto const& line) {
        for (size_t i = 0; i < 2; ++i)
            if (line->ends[i].member == caller && line->ends[1 - i].member == other &&
                line->number > above && !line->ends[i].closed)
                return true;
        return false;
    });
}

void World::answer(size_t which) {
    if (answers_.empty()) return;
    which %= answers_.size();
    auto [line, at] = answers_[which];
    answers_.erase(answers_.begin() + static_cast<ptrdiff_t>(which));
    End& end = line->ends[static_cast<size_t>(at)];
    if (end.closed) return;
    Mailbox& mailbox = *members_[end.member].mailbox;
    if (gone(end.member)) return close_end(*line, at);
    if (at == 1)
        end.peer = mailbox.meet(mailbox.own() == address_of(line->ends[0].member)
                                    ? address_of(line->ends[1].member)
                                    : address_of(line->ends[0].member));
    // The line before is closed by whoever takes a newer one.
    Peer peer = end.peer;
    for (auto& before : lines_)
        for (int i = 0; i < 2; ++i)
            if (auto& old = before->ends[static_cast<size_t>(i)];
                before != line && old.holds && old.member == end.member && old.peer == peer &&
                before->number < line->number)
                close_end(*before, i);
    if (mailbox.line(peer, line->number, {}))
        end.holds = true;
    else
        close_end(*line, at);
}

// The kernel keeps what was written for the other end.
void World::close_end(Line& line, int at) {
    End& end = line.ends[static_cast<size_t>(at)];
    end.holds = false;
    end.closed = true;
    end.coming.clear();
}

void World::lost(Line& line, int at) {
    End& end = line.ends[static_cast<size_t>(at)];
    members_[end.member].mailbox->lost(end.peer);
    close_end(line, at);
    take_calls();
}

void World::lose_answer(size_t which) {
    if (answers_.empty()) return;
    which %= answers_.size();
    Answer lost_one = answers_[which];
    // Who writes on a line and ends before home's answer to the other side is lost has no second
    // chance: that home dies at this moment is not survived.
    for (End const& end : lost_one.line->ends)
        if (members_[end.member].life != Life::living) return;
    answers_.erase(answers_.begin() + static_cast<ptrdiff_t>(which));
    close_end(*lost_one.line, lost_one.end);
    // Whoever called must hear something: home was restarted.
    if (lost_one.end == 0 && !gone(lost_one.line->ends[0].member))
        members_[lost_one.line->ends[0].member].mailbox->calls_lost();
    take_calls();
}

void World::restart_home() {
    for (size_t i = answers_.size(); i-- > 0;)
        lose_answer(i);
    for (auto& member : members_)
        if (!gone(static_cast<size_t>(&member - members_.data()))) member.mailbox->calls_lost();
    take_calls();
}

void World::write(size_t which) {
    if (lines_.empty()) return;
    Line& line = *lines_[which % lines_.size()];
    for (size_t i = 0; i < 2; ++i) {
        End& end = line.ends[i];
        // Writing fails where nobody can read any more.
        if (!end.holds || gone(end.member) || line.ends[1 - i].closed) continue;
        Mailbox& mailbox = *members_[end.member].mailbox;
        std::array<Piece, 5> pieces;
        size_t count = mailbox.gather(end.peer, pieces), all = 0;
        for (size_t j = 0; j < count; ++j)
            all += pieces[j].length;
        size_t left = random(2) == 0 ? all : random(all + 1);
        size_t const wrote = left;
        End& other = line.ends[1 - i];
        for (size_t j = 0; j < count && left > 0; ++j) {
            size_t part = std::min(left, pieces[j].length);
            if (!line.cut) other.coming.append(pieces[j].bytes, part);
            left -= part;
        }
        mailbox.written(end.peer, wrote);
        if (mailbox.over(end.peer)) lost(line, static_cast<int>(i));
    }
    finish_closing();
}

void World::read(size_t which) {
    if (lines_.empty()) return;
    Line& line = *lines_[which % lines_.size()];
    for (size_t i = 0; i < 2; ++i) {
        End& end = line.ends[i];
        if (!end.holds || gone(end.member)) continue;
        Mailbox& mailbox = *members_[end.member].mailbox;
        if (end.coming.empty()) {
            if (line.cut || line.ends[1 - i].closed) lost(line, static_cast<int>(i));
            continue;
        }
        auto room = mailbox.room(end.peer);
        size_t count = random(2) == 0 ? end.coming.size() : 1 + random(end.coming.size());
        if (!room.empty() && random(2) == 0) {
            count = std::min(count, room.size());
            std::copy_n(end.coming.data(), count, room.data());
            mailbox.filled(end.peer, count);
        } else {
            mailbox.feed(end.peer, end.coming.substr(0, count));
        }
        end.coming.erase(0, count);
        if (mailbox.over(end.peer)) lost(line, static_cast<int>(i));
    }
}

// Not a line of which one end is gone: what a process has written before its end arrives.
void World::cut(size_t which) {
    if (lines_.empty()) return;
    Line& line = *lines_[which % lines_.size()];
    for (End const& end : line.ends)
        if (members_[end.member].life != Life::living || !end.holds) return;
    line.cut = true;
    for (End& end : line.ends)
        end.coming.resize(random(end.coming.size() + 1));
}

void World::notice(size_t which, size_t end) {
    if (lines_.empty()) return;
    Line& line = *lines_[which % lines_.size()];
    if (!line.cut || !line.ends[end % 2].holds || gone(line.ends[end % 2].member)) return;
    lost(line, static_cast<int>(end % 2));
}

void World::kill(size_t at) {
    if (gone(at)) return;
    members_[at].life = Life::killed;
    for (auto& line : lines_)
        for (int i = 0; i < 2; ++i)
            if (auto& end = line->ends[static_cast<size_t>(i)]; end.holds && end.member == at)
                close_end(*line, i);
}

void World::finish_closing() {
    for (size_t i = 0; i < members_.size(); ++i) {
        if (members_[i].life != Life::closing || !members_[i].mailbox->finished()) continue;
        members_[i].life = Life::closed;
        for (auto& line : lines_)
            for (int j = 0; j < 2; ++j)
                if (auto& end = line->ends[static_cast<size_t>(j)]; end.holds && end.member == i)
                    close_end(*line, j);
    }
    std::erase_if(
        lines_, [](auto const& line) { return line->ends[0].closed && line->ends[1].closed; });
}

void World::settle() {
    for (int round = 0; round < 500; ++round) {
        take_calls();
        while (!answers_.empty())
            answer(random(answers_.size()));
        // finish_closing() within write() may take lines away.
        for (size_t i = 0; i < lines_.size(); ++i)
            write(i);
        for (size_t i = 0; i < lines_.size(); ++i)
            read(i);
        finish_closing();
        for (size_t i = 0; i < members_.size(); ++i) {
            auto& member = members_[i];
            if (member.life != Life::living) continue;
            while (auto const* letter = member.mailbox->look({}))
                check(i, member.mailbox->take(letter));
        }
    }
}

size_t World::missing() const {
    size_t count = 0;
    for (size_t from = 0; from < members_.size(); ++from)
        for (size_t to = 0; to < members_.size(); ++to)
            if (members_[from].life != Life::killed && members_[to].life == Life::living)
                count += members_[from].sent[to] - members_[to].read[from];
    return count;
}

} // namespace rove::mailbox::testing
