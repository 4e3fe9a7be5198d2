// SPDX-License-Identifier: Apache-2.0
// MPI environment: the settings, each with its reason. docs/mpi.md tells what was seen without
// them.
#include "cli/mpi_environment.hh"

namespace rove::cli {

namespace {

struct Setting {
    char const* variable;
    char const* value;
};

constexpr Setting settings[] = {
    // PMIx gives what ranks tell each other as messages, not through files that all of them map.
    {"PMIX_MCA_gds", "hash"},
    {"OMPI_MCA_pml", "ob1"},
    // A thread waits for the sockets. Without it a rank that waits polls them all the time, and
    // when it is away each poll goes home.
    {"OMPI_MCA_btl_tcp_progress_thread", "1"},
    // Windows by messages: `rdma` does not work over sockets, `sm` is there for those who ask for
    // memory that ranks share.
    {"OMPI_MCA_osc", "^ucx,rdma"},
    // The shared pointer of a file is kept in a file that is locked, not in one that is mapped.
    {"OMPI_MCA_sharedfp", "^sm"},
    // No System V segment is tried out, for which a rank that begins away would go home.
    {"OMPI_MCA_shmem", "mmap"},
    // All ends are on this node, so all interfaces are alike. Asking for their speeds takes a call
    // (SIOCETHTOOL) for which a rank that begins away would go home.
    {"OMPI_MCA_btl_tcp_bandwidth", "10000"},
    // All ranks may be on few cores for a while.
    {"OMPI_MCA_mpi_yield_when_idle", "1"},
    {"OMPI_MCA_hwloc_base_binding_policy", "none"},
    // MPICH: no shared memory either.
    {"UCX_TLS", "tcp,self"},
    {"MPIR_CVAR_NOLOCAL", "1"},
};

} // namespace

std::vector<std::pair<std::string, std::string>> mpi_environment(
    MpiLaunch const& launch, std::function<bool(std::string const&)> const& present) {
    std::vector<std::pair<std::string, std::string>> result;
    auto set = [&](std::string const& variable, std::string const& value) {
        if (!present(variable)) result.emplace_back(variable, value);
    };
    // Messages go by mailboxes, or over sockets of this node: both reach a process wherever it is.
    // Not over shared memory. Who has a path of his own has his own components.
    bool const ours = !launch.components.empty() && !present(mpi_component_path);
    set("OMPI_MCA_btl", ours ? "rove,tcp,self" : "tcp,self");
    if (ours) {
        // Open MPI looks no further than the first directory that does not exist, as the user's
        // may.
        set(mpi_component_path, "SYS_DEFAULT:" + launch.components + ":USR_DEFAULT");
        set("OMPI_MCA_ras_rove_command", launch.rove);
        set("OMPI_MCA_ras_rove_place", launch.way);
        if (!launch.found.empty()) set("OMPI_MCA_ras_rove_found", launch.found);
        // Ranks that begin here are descendants of ours as they are.
        if (launch.way != "home") set("OMPI_MCA_odls_rove_command", launch.rove);
        if (launch.way == "best") set("OMPI_MCA_odls_rove_best", "1");
        if (launch.stay) set("OMPI_MCA_odls_rove_stay", "1");
    }
    if (launch.prevent_oversubscription) {
        set("OMPI_MCA_ras_rove_prevent_oversubscription", "1");
    } else {
        // The cores of this node are not all that there are.
        set("OMPI_MCA_rmaps_base_oversubscribe", "1");
    }
    for (Setting const& setting : settings)
        set(setting.variable, setting.value);
    return result;
}

} // namespace rove::cli
