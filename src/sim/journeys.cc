// SPDX-License-Identifier: Apache-2.0
// World: offers, answers and transfers. Until it has arrived, a process is its source's.
#include <algorithm>

#include "sim/world.hh"

namespace rove::sim {

namespace {
constexpr double patience_s = 1; // for an answer
constexpr uint64_t image_at_exec = 1 << 20;
} // namespace

uint32_t World::open_journey(JobIndex job, NodeIndex from) {
    if (free_journeys_.empty()) {
        free_journeys_.push_back(static_cast<uint32_t>(journeys_.size()));
        journeys_.emplace_back();
    }
    uint32_t index = free_journeys_.back();
    free_journeys_.pop_back();
    Journey& journey = journeys_[index];
    uint32_t turn = journey.turn + 1;
    journey = Journey{};
    journey.job = job;
    journey.from = from;
    journey.turn = turn;
    journey.offer.process = job;
    journey.offer.from = from;
    journey.offer.demand = jobs_[job].demand;
    journey.offer.memory = jobs_[job].memory;
    journey.offer.features = 1;
    return index;
}

void World::close_journey(uint32_t index) {
    Journey& journey = journeys_[index];
    if (!journey.placing) {
        Host& host = hosts_[journey.from];
        if (host.departing > 0) --host.departing;
        jobs_[journey.job].leaving = false;
    }
    ++journey.turn;
    journey.moving = false;
    free_journeys_.push_back(index);
}

void World::ask_next(uint32_t index) {
    Journey& journey = journeys_[index];
    ++journey.turn;
    journey.to = journey.ask.front().node;
    journey.offer.stretch_max = journey.ask.front().stretch_max;
    journey.ask.erase(journey.ask.begin());
    journey.offer.own = jobs_[journey.job].home == journey.to;
    policy::Random& random = hosts_[journey.from].random;
    ++totals_.offers;
    if (!network_.loses(random))
        plan(now_s_ + network_.delay(random), What::offer, index, journey.turn);
    plan(now_s_ + patience_s, What::late, index, journey.turn);
}

void World::hear_offer(uint32_t index, uint32_t turn) {
    Journey& journey = journeys_[index];
    if (journey.turn != turn) return;
    Host& host = hosts_[journey.to];
    if (!host.alive || !network_.connects(journey.from, journey.to)) return;
    policy::Refusal refusal = host.promises.answer(journey.offer, view(journey.to), knobs_, now_s_);
    if (refusal == policy::Refusal::none) {
        tell(journey.to);
        wake(journey.to);
    }
    if (network_.loses(host.random)) return;
    plan(now_s_ + network_.delay(host.random), What::answer, index, static_cast<uint32_t>(refusal));
    journey.began_s = now_s_;
    // The answer is on its way: the question is not late any more.
    ++journey.turn;
}

void World::hear_answer(uint32_t index, policy::Refusal refusal) {
    Journey& journey = journeys_[index];
    Job& job = jobs_[journey.job];
    if (hosts_[journey.to].alive && hosts_[journey.from].alive &&
        network_.connects(journey.from, journey.to))
        board_->hear(journey.from, journey.to, told(journey.to), now_s_);
    // It may have ended, or its node may have died meanwhile.
    bool gone =
        job.state == JobState::done || job.state == JobState::lost || !hosts_[journey.from].alive;
    if (gone) {
        hosts_[journey.to].promises.settle(journey.job);
        return close_journey(index);
    }
    if (refusal == policy::Refusal::none) return depart(index);
    ++totals_.refused;
    if (journey.placing && !journey.ask.empty()) return ask_next(index);
    bool placing = journey.placing;
    JobIndex which = journey.job;
    close_journey(index);
    if (placing) start(which, job.home, job.work_s);
}

double World::travel_time(Journey const& journey) {
    uint64_t bytes = journey.placing ? image_at_exec : jobs_[journey.job].memory;
    double seconds =
        scenario_.move_fixed_s + scenario_.move_per_mb_s * static_cast<double>(bytes) / (1 << 20);
    return seconds * (1 + scenario_.move_noise * (2 * hosts_[journey.from].random.part() - 1));
}

void World::depart(uint32_t index) {
    Journey& journey = journeys_[index];
    Job& job = jobs_[journey.job];
    journey.work_s = journey.placing ? job.work_s : stop(journey.job);
    journey.moving = true;
    journey.began_s = now_s_;
    job.state = JobState::moving;
    plan(now_s_ + travel_time(journey), What::land, index);
}

void World::land(uint32_t index) {
    Journey journey = journeys_[index];
    Job& job = jobs_[journey.job];
    Host& target = hosts_[journey.to];
    target.promises.settle(journey.job);
    close_journey(index);
    if (job.state == JobState::lost) return;
    if (!hosts_[journey.from].alive) return lose(journey.job, journey.from);
    if (!target.alive || !network_.connects(journey.from, journey.to)) {
        ++totals_.aborted;
        return start(journey.job, journey.from, journey.work_s);
    }
    double took = now_s_ - journey.began_s;
    if (journey.placing) {
        ++totals_.placed_away;
    } else {
        ++totals_.moves;
        ++job.moves;
        job.moved_s = static_cast<float>(took);
        hosts_[journey.from].cost.learn(job.memory, took);
    }
    start(journey.job, journey.to, journey.work_s);
    tell(journey.to);
}

// For those strategies that ask nobody.
void World::send_at_once(JobIndex job, NodeIndex from, NodeIndex to, bool placing) {
    uint32_t index = open_journey(job, from);
    Journey& journey = journeys_[index];
    journey.placing = placing;
    journey.to = to;
    if (!placing) {
        ++hosts_[from].departing;
        jobs_[job].leaving = true;
    }
    depart(index);
}

} // namespace rove::sim
