// SPDX-License-Identifier: Apache-2.0
#include "cli/mpi_environment.hh"

#include <gtest/gtest.h>

#include <map>

namespace rove::cli {
namespace {

using Variables = std::map<std::string, std::string>;

Variables settings_beside(Variables const& users, MpiLaunch const& launch = {}) {
    auto const all =
        mpi_environment(launch, [&](std::string const& name) { return users.contains(name); });
    return {all.begin(), all.end()};
}

MpiLaunch launch(std::string const& way) {
    return {"/x/openmpi", "/x/rove", way};
}

TEST(MpiEnvironment, messages_go_over_sockets) {
    Variables const set = settings_beside({});
    EXPECT_EQ(set.at("OMPI_MCA_btl"), "tcp,self");
    EXPECT_EQ(set.at("PMIX_MCA_gds"), "hash");
}

TEST(MpiEnvironment, or_by_mailboxes_where_there_is_a_component_for_that) {
    Variables const set = settings_beside({}, launch("home"));
    EXPECT_EQ(set.at("OMPI_MCA_btl"), "rove,tcp,self");
    EXPECT_EQ(set.at("OMPI_MCA_mca_base_component_path"), "SYS_DEFAULT:/x/openmpi:USR_DEFAULT");
}

TEST(MpiEnvironment, who_has_components_of_his_own_keeps_them) {
    Variables const set =
        settings_beside({{"OMPI_MCA_mca_base_component_path", "/mine"}}, launch("best"));
    EXPECT_FALSE(set.contains("OMPI_MCA_mca_base_component_path"));
    EXPECT_FALSE(set.contains("OMPI_MCA_ras_rove_command"));
    EXPECT_EQ(set.at("OMPI_MCA_btl"), "tcp,self");
}

TEST(MpiEnvironment, the_board_is_asked_and_ranks_are_launched_elsewhere_if_they_begin_there) {
    Variables const home = settings_beside({}, launch("home"));
    EXPECT_EQ(home.at("OMPI_MCA_ras_rove_command"), "/x/rove");
    EXPECT_EQ(home.at("OMPI_MCA_rmaps_base_oversubscribe"), "1");
    EXPECT_FALSE(home.contains("OMPI_MCA_odls_rove_command"));
    EXPECT_FALSE(home.contains("OMPI_MCA_ras_rove_found"));
    Variables const best = settings_beside({}, launch("best"));
    EXPECT_EQ(best.at("OMPI_MCA_ras_rove_place"), "best");
    EXPECT_EQ(best.at("OMPI_MCA_odls_rove_command"), "/x/rove");
    EXPECT_EQ(best.at("OMPI_MCA_odls_rove_best"), "1");
    EXPECT_FALSE(best.contains("OMPI_MCA_odls_rove_stay"));
    MpiLaunch spread = launch("spread:2");
    spread.found = "2 blocks n1 n2";
    spread.stay = spread.prevent_oversubscription = true;
    Variables const set = settings_beside({}, spread);
    EXPECT_EQ(set.at("OMPI_MCA_ras_rove_found"), "2 blocks n1 n2");
    EXPECT_EQ(set.at("OMPI_MCA_odls_rove_stay"), "1");
    EXPECT_EQ(set.at("OMPI_MCA_ras_rove_prevent_oversubscription"), "1");
    EXPECT_FALSE(set.contains("OMPI_MCA_rmaps_base_oversubscribe"));
}

TEST(MpiEnvironment, what_the_user_has_set_is_kept) {
    Variables const set = settings_beside({{"OMPI_MCA_btl", "vader,self"}, {"UCX_TLS", ""}});
    EXPECT_FALSE(set.contains("OMPI_MCA_btl"));
    EXPECT_FALSE(set.contains("UCX_TLS"));
    EXPECT_TRUE(set.contains("OMPI_MCA_pml"));
}

} // namespace
} // namespace rove::cli
