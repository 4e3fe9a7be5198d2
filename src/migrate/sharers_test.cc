// SPDX-License-Identifier: Apache-2.0
#include "migrate/sharers.hh"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tracee/proc.hh"

namespace rove::migrate {
namespace {

std::vector<image::Mapping> own_mappings() {
    auto mappings = tracee::whole_mappings(getpid(), "maps");
    EXPECT_TRUE(mappings);
    return mappings.value_or(std::vector<image::Mapping>{});
}

TEST(Sharers, a_child_that_has_inherited_it_counts_until_it_ends) {
    pid_t stranger = fork();
    if (stranger == 0) {
        for (;;)
            pause();
    }
    void* memory = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    pid_t child = fork();
    if (child == 0) {
        for (;;)
            pause();
    }
    auto mappings = own_mappings();
    EXPECT_FALSE(maps_commons_of(stranger, mappings));
    EXPECT_TRUE(maps_commons_of(child, mappings));
    EXPECT_NE(find_sharer(getpid(), mappings).value_or(0), 0);
    for (pid_t each : {child, stranger}) {
        kill(each, SIGKILL);
        waitpid(each, nullptr, 0);
    }
    EXPECT_FALSE(maps_commons_of(child, mappings));
    munmap(memory, 8192);
    EXPECT_EQ(find_sharer(getpid(), own_mappings()).value_or(-1), 0);
}

} // namespace
} // namespace rove::migrate
