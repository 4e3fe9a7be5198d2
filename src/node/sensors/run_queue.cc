// SPDX-License-Identifier: Apache-2.0
// RunQueue: of a whole machine.
#include "node/sensors/run_queue.hh"

#include "base/text.hh"
#include "node/sensors/own_groups.hh"
#include "sys/kept_file.hh"

namespace rove::node {

namespace {

constexpr Nanos answer_period = std::chrono::milliseconds(500);
constexpr Nanos sample_period = std::chrono::milliseconds(100);

class MachineRunQueue : public RunQueue {
public:
    Step step(Nanos now) override {
        char text[128];
        auto running = parse_running(loadavg_.read(text));
        if (!running) return {std::nullopt, answer_period};
        // Whoever reads is running.
        unsigned others = *running > 0 ? *running - 1 : 0;
        sum_ += others;
        ++samples_;
        Step step{std::nullopt, others > 0 || sum_ > 0 ? sample_period : answer_period};
        if (now - answered_ >= answer_period - sample_period / 2) {
            step.runnable = static_cast<double>(sum_) / samples_;
            sum_ = samples_ = 0;
            answered_ = now;
        }
        return step;
    }

private:
    sys::KeptFile loadavg_{"/proc/loadavg"};
    unsigned sum_ = 0, samples_ = 0;
    Nanos answered_{};
};

} // namespace

std::optional<unsigned> parse_running(std::string_view text) {
    auto fields = words(text);
    if (fields.size() < 4) return std::nullopt;
    auto running = parse_number<unsigned>(cut(fields[3], '/').first);
    return running ? std::optional(*running) : std::nullopt;
}

std::unique_ptr<RunQueue> machine_run_queue() {
    return std::make_unique<MachineRunQueue>();
}

std::unique_ptr<RunQueue> RunQueue::create() {
    return is_whole_machine() ? machine_run_queue() : namespace_run_queue();
}

} // namespace rove::node
