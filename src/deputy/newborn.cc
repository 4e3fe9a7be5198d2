// SPDX-License-Identifier: Apache-2.0
// Newborn: the first moments of a child's deputy.
//
// Many a child only ends, or lives for less time than its porter would take to start. So it has
// none until the program wants something else than to end, or 20 ms have gone by: that is soon
// enough for a steward, who comes later. Its descriptors have low numbers until then (see
// small_table.hh), which no call of the program has seen.
#include "deputy/deputy.hh"

#include "rt/memory.hh"
#include "rt/number_room.hh"
#include "rt/sys.hh"
#include "syscalls/call_frame.hh"

namespace rove::deputy {

namespace {

constexpr int porter_patience = 500; // times 10 ms
constexpr uint64_t without_porter_ms = 20;

/// What the guest says first is that the process ends. A signal, or time, comes before it as well.
bool ends_at_once(Slot& slot) {
    constexpr int peek = 2, dont_wait = 0x40;
    struct {
        int32_t fd;
        int16_t events, got;
    } input{slot.link_fd, 1, 0};
    uint64_t const args[6] = {word(&input), 1, without_porter_ms, 0, 0, 0};
    uint32_t outcome = 0;
    rt::set_state(slot, SlotState::idle);
    long ready = rove_call(7, args, &own(slot).stop, &outcome); // poll
    rt::set_state(slot, SlotState::busy);
    if (outcome != 0 || ready != 1) return false;
    struct {
        wire::LinkHeader header;
        syscalls::CallHead head;
    } first;
    if (sys(45, slot.link_fd, &first, sizeof first, peek | dont_wait) != sizeof first) return false;
    return first.header.type == wire::LinkType::call &&
           (first.head.nr == 231 || first.head.nr == 60); // exit_group, exit
}

void take_places() {
    auto& c = control();
    rt::NumberRoom room;
    auto place = [&](int& fd) {
        if (fd > 0 && fd < c.fd_first) fd = move_up(fd);
    };
    place(c.parents_alarm_fd);
    for (uint32_t i = 1; i < wire::slots_max; ++i) {
        Slot& slot = rt::slot_at(i);
        if (slot.state == SlotState::free) break;
        place(slot.link_fd);
    }
}

void settle(Slot& slot) {
    uint64_t all = ~0ull;
    sys(14, 2, &all, 0, 8); // the porter is born with that
    take_places();
    // Without one it could never be moved; where tasks are short, it waits for one that ends.
    for (int tries = 0; !start_porter(); ++tries) {
        if (tries == porter_patience) sys(62, control().pid, 9);
        int64_t const nap[2] = {0, 10000000};
        sys(270, 0, 0, 0, 0, nap, 0); // pselect6
    }
    sys(14, 2, &slot.mirror_mask, 0, 8);
}

} // namespace

void serve_newborn(Slot& slot) {
    apply_mask(slot, slot.thread.mask);
    // It comes back from its end only if a signal has to come first.
    if (ends_at_once(slot)) serve_one(slot);
    settle(slot);
    serve(slot);
}

} // namespace rove::deputy
