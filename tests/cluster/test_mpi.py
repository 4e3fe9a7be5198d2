# SPDX-License-Identifier: Apache-2.0
"""MPI jobs under `rove mpirun`: at home, moved by hand, in storm, placed, and spreading by themselves."""
import collections
import json
import pathlib

import pytest

import mpi_jobs
from conftest import wait_for

pytestmark = pytest.mark.skipif(bool(mpi_jobs.missing()), reason=mpi_jobs.missing())

PROGRAMS = ("ring", "all_to_all", "allreduce", "sizes", "outstanding", "threads", "file", "one_sided")
# While a window of one_sided is shared memory, its ranks do not move: that program is for storms.
ALWAYS_MOVABLE = PROGRAMS[:-1]
RANKS = 3
# The sizes and iterations of a work of some tenths of a second.
KERNELS = {"ep": (16, 12), "cg": (20000, 3), "is": (100000, 15), "ft": (32, 20), "mg": (32, 6), "stencil": (256, 800), "uneven": (40, 1)}


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    directory = tmp_path_factory.mktemp("mpi")
    return {name: mpi_jobs.build(name, directory) for name in PROGRAMS}


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    return mpi_jobs.build("kernels", tmp_path_factory.mktemp("kernels"), *sorted(mpi_jobs.KERNELS.glob("*.c")))


def hosts(job):
    return [row["host"] for row in job.ranks()]


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_job_at_home(quiet, programs, tmp_path, name):
    job = mpi_jobs.Job(quiet, programs[name], tmp_path, "-np", str(RANKS))
    job.more_rounds(4)
    assert job.stop().startswith(f"verified: {RANKS} ranks")


@pytest.mark.parametrize("name", ALWAYS_MOVABLE)
def test_ranks_are_moved_while_they_run(quiet, programs, tmp_path, name):
    job = mpi_jobs.Job(quiet, programs[name], tmp_path, "-np", str(RANKS))
    job.more_rounds()
    pids = [row["pid"] for row in job.ranks()]
    assert len(pids) == RANKS
    for stops in (("n2", "n3", "n2"), ("n3", "n3", "home"), ("home", "home", "home")):
        for pid, stop in zip(pids, stops):
            quiet.run("n1", "rove", "move", pid, stop)
            job.more_rounds(2)
        assert hosts(job) == [stop.replace("home", "n1") for stop in stops]
        job.more_rounds()
    assert job.stop().startswith(f"verified: {RANKS} ranks")


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_job_in_storm(quiet, programs, tmp_path, name):
    report = tmp_path / "report.json"
    job = mpi_jobs.Job(quiet, programs[name], tmp_path, "-np", str(RANKS),
                       before=("rove", "run", "--storm", "200", "--report", report, "--"))
    wait_for(lambda: sum(row["moves"] for row in job.ranks()) >= 12 or job.process.poll() is not None,
             "12 moves", mpi_jobs.LIMIT_S)
    job.more_rounds()
    assert job.stop().startswith(f"verified: {RANKS} ranks")
    told = json.loads(wait_for(lambda: report.exists() and report.read_text(), "report"))
    assert told["exit_status"] == 0 and told["moves"] >= 12, told


def test_ranks_that_ask_to_be_together(quiet, tmp_path):
    job = mpi_jobs.Job(quiet, mpi_jobs.build("together", tmp_path), tmp_path, "--stay", "-np", str(RANKS))
    job.more_rounds(9)
    moves = [row["moves"] for row in job.ranks()]
    assert job.stop().startswith(f"verified: {RANKS} ranks")
    assert all(count >= 4 for count in moves), moves


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_are_right_with_ranks_moved_before_and_meanwhile(quiet, kernels, tmp_path, name):
    size, iterations = KERNELS[name]
    job = mpi_jobs.Kernel(quiet, kernels, tmp_path, name, size, ranks=4)
    first, second, third, _ = (row["pid"] for row in job.ranks())
    for pid, node in ((first, "n2"), (second, "n3")):
        quiet.run("n1", "rove", "move", pid, node)
    with job.at_work(iterations):
        pass
    for node in ("n2", "n3", "home", "n2"):
        with job.at_work(iterations):
            quiet.run("n1", "rove", "move", third, node)
    assert hosts(job) == ["n2", "n3", "n2", "n1"]
    job.stop()


def through(lab, node):
    """Bytes that went through a node's interfaces, except to itself."""
    rows = [line.split(":") for line in lab.run(node, "cat", "/proc/net/dev").stdout.splitlines()[2:]]
    return sum(int(words.split()[0]) + int(words.split()[8]) for name, words in rows if name.strip() != "lo")


@pytest.mark.parametrize("words, home_carries_it", [((), False), (("--mca", "btl", "tcp,self"), True)])
def test_messages_go_from_host_to_host(quiet, programs, tmp_path, words, home_carries_it):
    """By mailbox home carries next to nothing of what two ranks say to each other; over its sockets all of it."""
    job = mpi_jobs.Job(quiet, programs["sizes"], tmp_path, "--stay", *words, "-np", "2")
    job.more_rounds()
    for row, host in zip(job.ranks(), ("n2", "n3")):
        quiet.run("n1", "rove", "move", row["pid"], host)

    def only_talks():
        """Pages may come late, from home."""
        before = through(quiet, "n1")
        job.more_rounds()
        return through(quiet, "n1") - before < 1e6
    job.more_rounds() if home_carries_it else wait_for(only_talks, "rounds in which home sends next to nothing")
    before = {node: through(quiet, node) for node in ("n1", "n2")}
    job.more_rounds(9)  # 16 MB are in one of them
    home, host = (through(quiet, node) - before[node] for node in ("n1", "n2"))
    assert job.stop().startswith("verified: 2 ranks")
    assert host > 40e6, (home, host)
    assert home > host if home_carries_it else home < host / 50, (home, host)


def test_without_mailboxes_messages_go_over_sockets_as_before(quiet, programs, tmp_path):
    job = mpi_jobs.Job(quiet, programs["ring"], tmp_path, "-np", "2",
                       before=("env", f"ROVE_MAIL_SOCKET={tmp_path}/none"))
    job.more_rounds()
    assert job.stop().startswith("verified: 2 ranks")
    assert job.errors.read_text() == ""


def test_a_rank_that_is_killed_ends_the_job(quiet, programs, tmp_path):
    job = mpi_jobs.Job(quiet, programs["outstanding"], tmp_path, "--stay", "-np", "3")
    job.more_rounds()
    victim, other = job.ranks()[0]["pid"], job.ranks()[1]["pid"]
    quiet.run("n1", "rove", "move", other, "n2")
    job.more_rounds(2)
    quiet.run("n1", "kill", "-KILL", victim)
    assert job.process.wait(timeout=mpi_jobs.LIMIT_S) != 0


def test_equal_numbers_on_as_many_nodes_as_were_asked_for(quiet, programs, tmp_path):
    """No rank goes home for what Open MPI does when it starts."""
    report = tmp_path / "report.json"
    job = mpi_jobs.Job(quiet, programs["allreduce"], tmp_path, "--spread", "2", "--stay", "-np", "4",
                       before=("rove", "run", "--report", report, "--"))
    job.more_rounds()
    wait_for(lambda: sorted(collections.Counter(hosts(job)).values()) == [2, 2], "two ranks on each of two nodes")
    job.more_rounds()
    assert all(row["locked"] for row in job.ranks())
    assert job.stop().startswith("verified: 4 ranks")
    told = json.loads(wait_for(lambda: report.exists() and report.read_text(), "report"))
    assert not {"unknown_call", "shared_memory_segment"} & set(told["came_home"]), told


def test_each_rank_on_the_best_node(new_lab, programs, tmp_path):
    """Where each node has one core, no two ranks begin on the same one."""
    lab = new_lab("--nodes", "3", "--cpus", "1")
    job = mpi_jobs.Job(lab, programs["allreduce"], tmp_path, "--best", "-np", "3")
    job.more_rounds()
    wait_for(lambda: sorted(hosts(job)) == ["n1", "n2", "n3"], "one rank on each node")
    job.more_rounds()
    assert job.stop().startswith("verified: 3 ranks")


# --- the launch options as Open MPI's own parameters, with a plain mpirun

def plain_mpirun(rove, *words):
    """mpirun as somebody has it who has installed our components, without `rove mpirun`."""
    folder = pathlib.Path(rove).resolve().parents[1] / "lib/rove/openmpi"
    settings = {"mca_base_component_path": f"SYS_DEFAULT:{folder}", "pml": "ob1", "btl": "rove,tcp,self",
                "rmaps_base_oversubscribe": 1, "hwloc_base_binding_policy": "none", "mpi_yield_when_idle": 1}
    return ("env", "PMIX_MCA_gds=hash", "mpirun.openmpi", *mca(settings), *words)


def mca(settings):
    return [str(word) for name, value in settings.items() for word in ("--mca", name, value)]


def end_of(lab, *command):
    return lab.run("n1", *command, check=False)


WHO = ("sh", "-c", "echo rank $OMPI_COMM_WORLD_RANK pid $$")


@pytest.mark.parametrize("stay", [False, True])
def test_ranks_of_a_plain_mpirun_are_launched_on_the_best_nodes(quiet, programs, tmp_path, rove, stay):
    """The RAS finds the nodes, the ODLS starts each rank there, locked or not."""
    job = mpi_jobs.Job(quiet, programs["ring"], tmp_path, "-np", "3", mpirun=plain_mpirun(
        rove, *mca({"ras_rove_command": rove, "ras_rove_place": "spread:3", "odls_rove_command": rove, "odls_rove_stay": int(stay)})))
    job.more_rounds()
    wait_for(lambda: sorted(hosts(job)) == ["n1", "n2", "n3"], "one rank on each node")
    assert [row["locked"] for row in job.ranks()] == [stay] * 3
    assert job.stop().startswith("verified: 3 ranks")


def test_each_rank_begins_on_the_best_node_where_hosts_were_named(quiet, programs, tmp_path, rove):
    """Whose allocation is not ours leaves the ODLS to ask for each rank."""
    job = mpi_jobs.Job(quiet, programs["ring"], tmp_path, "--host", "n1:2", "-np", "2", mpirun=plain_mpirun(
        rove, *mca({"ras_rove_command": rove, "ras_rove_place": "spread:9", "odls_rove_command": rove, "odls_rove_best": 1,
                    "odls_rove_options": "--stay --no-patch"})))
    job.more_rounds()
    assert [row["locked"] for row in job.ranks()] == [True] * 2
    assert job.stop().startswith("verified: 2 ranks")


@pytest.mark.parametrize("command", ["", "/nowhere/rove"])
def test_without_rove_the_components_are_not_used(quiet, rove, command):
    done = end_of(quiet, *plain_mpirun(rove, *mca({"ras_rove_command": command, "odls_rove_command": command, "ras_rove_place": "best"})),
                  "-np", "2", *WHO)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.count("rank ") == 2, done


def test_without_a_daemon_the_components_are_not_used(new_lab, rove):
    lab = new_lab("--nodes", "1", "--cpus", "0", "--mem", "0")
    command = plain_mpirun(rove, *mca({"ras_rove_command": rove, "odls_rove_command": rove, "ras_rove_place": "best"}))
    assert end_of(lab, *command, "-np", "2", *WHO).returncode == 0
    lab.do("daemon", "n1", "stop")
    done = end_of(lab, *command, "-np", "2", *WHO)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.count("rank ") == 2, done


def test_a_wrong_place_ends_a_plain_mpirun(quiet, rove):
    done = end_of(quiet, *plain_mpirun(rove, *mca({"ras_rove_command": rove, "ras_rove_place": "spread:9"})), "-np", "2", *WHO)
    assert done.returncode == 1 and "--spread 9 needs 9 nodes" in done.stderr and done.stdout == "", done
    assert "internal error" not in done.stderr


def test_what_ranks_begin_by_already_stays_behind_us(quiet, rove, tmp_path):
    agent = tmp_path / "agent"
    agent.write_text('#!/bin/sh\nexport AGENT=seen\nexec "$@"\n')
    agent.chmod(0o755)
    done = quiet.run("n1", "env", f"OMPI_MCA_orte_fork_agent={agent}", rove, "mpirun", "--best", "-np", "2", "sh", "-c", "echo agent $AGENT")
    assert done.stdout.count("agent seen") == 2, done


def test_as_many_ranks_as_cores_have_nothing_to_do(new_lab, rove):
    lab = new_lab("--nodes", "3", "--cpus", "1")
    assert lab.run("n1", "rove", "mpirun", *WHO).stdout.count("rank ") == 3

    def nobody_is_busy():
        return all(row["load"] < 0.4 for row in lab.json("n1", "nodes"))
    for way in ((), ("--best",), ("--spread", "2")):
        slots = 2 if way[:1] == ("--spread",) else 3
        wait_for(nobody_is_busy, "nodes that have forgotten the last job", mpi_jobs.LIMIT_S)
        fits = lab.run("n1", "rove", "mpirun", *way, "--prevent-oversubscription", "-np", slots, *WHO)
        assert fits.stdout.count("rank ") == slots
        wait_for(nobody_is_busy, "nodes that have forgotten the last job", mpi_jobs.LIMIT_S)
        refused = end_of(lab, "rove", "mpirun", *way, "--prevent-oversubscription", "-np", slots + 1, *WHO)
        assert refused.returncode == 1 and refused.stdout == "", refused
        assert f"{slots + 1} ranks are wanted, and {slots} cores have nothing to do" in refused.stderr


def test_a_job_spreads_by_itself(new_lab, programs, tmp_path):
    """Started on one node, where its ranks share half a core, while two more nodes have nothing to do.

    By mailbox the policy would know how much these talk, and may keep them together.
    """
    lab = new_lab("--nodes", "3", "--cpus", "0.5", env={"ROVE_LAB_CONFIG": ""})
    job = mpi_jobs.Job(lab, programs["ring"], tmp_path, "-np", "3", "--mca", "btl", "tcp,self")
    job.more_rounds()
    wait_for(lambda: len(set(hosts(job))) > 1, "rank that has left", mpi_jobs.LIMIT_S)
    job.more_rounds()
    assert job.stop().startswith("verified: 3 ranks")


def test_who_asks_for_shared_memory_gets_it_and_stays(quiet, programs, tmp_path):
    job = mpi_jobs.Job(quiet, programs["ring"], tmp_path, "-np", "2", "--mca", "btl", "vader,self")
    job.more_rounds()
    refused = quiet.run("n1", "rove", "move", job.ranks()[0]["pid"], "n2", check=False)
    assert refused.returncode == 3 and "shared_writable_memory" in refused.stderr
    assert job.stop().startswith("verified: 2 ranks")


def test_the_exit_status_is_that_of_mpirun(quiet):
    done = quiet.run("n1", "rove", "mpirun", "-np", "2", "sh", "-c", "exit 7", check=False)
    assert done.returncode == 7, done.stderr


@pytest.mark.parametrize("words, status, sentence", [
    (("--spread", "9", "-np", "2", "true"), 125, "--spread 9 needs 9 nodes, and 3 are up"),
    (("--spread", "0", "-np", "2", "true"), 2, "'0' is not a number of nodes"),
    (("--spread", "2", "--best", "-np", "2", "true"), 2, "--spread and --best exclude each other"),
    ((), 2, "MPIRUN-WORD is missing"),
])
def test_mistakes(quiet, words, status, sentence):
    done = quiet.run("n1", "rove", "mpirun", *words, check=False)
    assert done.returncode == status and sentence in done.stderr, done.stderr
    assert done.stdout == ""


def test_without_an_mpirun(quiet, tmp_path, rove):
    done = quiet.run("n1", "env", f"PATH={tmp_path}", rove, "mpirun", "-np", "2", "true", check=False)
    assert done.returncode == 127 and "openmpi-bin" in done.stderr
