// SPDX-License-Identifier: Apache-2.0
// RunQueue: of the processes that this node's /proc shows.
#include <unistd.h>

#include "node/sensors/group_cpu.hh"
#include "node/sensors/run_queue.hh"
#include "node/sensors/thread_times.hh"
#include "node/sensors/threads_of.hh"

namespace rove::node {

namespace {

constexpr Nanos answer_period = std::chrono::milliseconds(500);
constexpr Nanos piece_max = std::chrono::microseconds(150),
                between_pieces = std::chrono::milliseconds(1);
// Who takes less of a core than this does not wait for one.
constexpr double at_rest = 0.02;
// A look may take this part of a core, so that a node with thousands of threads is looked at less
// often.
constexpr int look_share = 300;
constexpr Nanos look_period = std::chrono::milliseconds(900);

class NamespaceRunQueue : public RunQueue {
public:
    Step step(Nanos now) override {
        if (looking_) return look_on(now);
        if (group_) cores_ = group_.used_since_before(now);
        bool calm = group_ && cores_ && *cores_ < at_rest;
        if (calm) waiting_ = 0;
        if (calm || now < next_look_) return answer();
        processes_ = NumberedDirectory("/proc");
        times_.begin_look(now);
        looking_ = true;
        look_took_ = Nanos(0);
        return look_on(now);
    }

private:
    Step answer() const {
        Step step;
        if (cores_) step.runnable = *cores_ + waiting_;
        step.rest = answer_period;
        return step;
    }

    Step look_on(Nanos now) {
        Nanos begin = clock_now(CLOCK_THREAD_CPUTIME_ID), end = begin;
        bool more = true;
        while (more && end - begin < piece_max) {
            more = look_at_one();
            end = clock_now(CLOCK_THREAD_CPUTIME_ID);
        }
        look_took_ += end - begin;
        if (more) return {std::nullopt, between_pieces};
        looking_ = false;
        processes_ = NumberedDirectory();
        next_look_ = now + std::max<Nanos>(look_took_ * look_share, look_period);
        Nanos passed = now - looked_;
        looked_ = now;
        if (auto done = times_.end_look()) learn(*done, passed);
        return answer();
    }

    // Never more of them than there are: waiting per running would be many, were both not of the
    // same time.
    void learn(ThreadTime const& done, Nanos passed) {
        if (passed <= Nanos(0)) return;
        auto time = static_cast<double>(passed.count());
        waiting_ = static_cast<double>(done.wait_ns) / time;
        if (!group_) cores_ = static_cast<double>(done.run_ns) / time;
    }

    // A thread, or whose threads are next; false at the end.
    bool look_at_one() {
        if (auto thread = threads_.next()) {
            if (auto time = parse_schedstat(thread->schedstat)) times_.saw(thread->tid, *time);
            return true;
        }
        pid_t process = processes_.next();
        if (process != 0) threads_ = process == own_ ? ThreadsOf() : ThreadsOf(process);
        return process != 0;
    }

    pid_t own_ = ::getpid();
    GroupCpu group_;
    std::optional<double> cores_; // that the node uses
    double waiting_ = 0;          // for a core, on average

    bool looking_ = false;
    NumberedDirectory processes_;
    ThreadsOf threads_;
    ThreadTimes times_;
    Nanos looked_{}, look_took_{}, next_look_{};
};

} // namespace

std::unique_ptr<RunQueue> namespace_run_queue() {
    return std::make_unique<NamespaceRunQueue>();
}

} // namespace rove::node
