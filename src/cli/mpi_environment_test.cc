// SPDX-License-Identifier: Apache-2.0
#include "cli/mpi_environment.hh"

#include <gtest/gtest.h>

#include <map>

namespace rove::cli {
namespace {

using Variables = std::map<std::string, std::string>;

Variables settings_beside(Variables const& users, std::string const& components = "") {
    auto const all =
        mpi_environment(components, [&](std::string const& name) { return users.contains(name); });
    return {all.begin(), all.end()};
}

TEST(MpiEnvironment, messages_go_over_sockets) {
    Variables const set = settings_beside({});
    EXPECT_EQ(set.at("OMPI_MCA_btl"), "tcp,self");
    EXPECT_EQ(set.at("PMIX_MCA_gds"), "hash");
}

TEST(MpiEnvironment, or_by_mailboxes_where_there_is_a_component_for_that) {
    Variables const set = settings_beside({}, "/x/openmpi");
    EXPECT_EQ(set.at("OMPI_MCA_btl"), "rove,tcp,self");
    EXPECT_EQ(set.at("OMPI_MCA_mca_base_component_path"), "SYS_DEFAULT:/x/openmpi:USR_DEFAULT");
}

TEST(MpiEnvironment, who_has_components_of_his_own_keeps_them) {
    Variables const set =
        settings_beside({{"OMPI_MCA_mca_base_component_path", "/mine"}}, "/x/openmpi");
    EXPECT_FALSE(set.contains("OMPI_MCA_mca_base_component_path"));
    EXPECT_EQ(set.at("OMPI_MCA_btl"), "tcp,self");
}

TEST(MpiEnvironment, what_the_user_has_set_is_kept) {
    Variables const set = settings_beside({{"OMPI_MCA_btl", "vader,self"}, {"UCX_TLS", ""}});
    EXPECT_FALSE(set.contains("OMPI_MCA_btl"));
    EXPECT_FALSE(set.contains("UCX_TLS"));
    EXPECT_TRUE(set.contains("OMPI_MCA_pml"));
}

} // namespace
} // namespace rove::cli
