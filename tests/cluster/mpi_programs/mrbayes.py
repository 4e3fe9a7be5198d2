# SPDX-License-Identifier: Apache-2.0
"""MrBayes: two searches for a tree of species of two chains each, a rank a chain, with numbers that look like chance and are the same each time."""
import random

from mpi_programs import Program

SPECIES, SITES, GENERATIONS = 8, 400, 60000


def prepare(folder):
    numbers = random.Random(6)
    ancestor = [numbers.choice("ACGT") for _ in range(SITES)]
    rows = []
    for number in range(SPECIES):
        own = [numbers.choice("ACGT") if numbers.random() < 0.05 * (1 + number % 4) else base for base in ancestor]
        rows.append(f"  species{number} {''.join(own)}")
    (folder / "data.nex").write_text("\n".join((
        "#NEXUS", "begin data;", f"dimensions ntax={SPECIES} nchar={SITES};", "format datatype=dna;", "matrix", *rows, ";", "end;",
        "begin mrbayes;", "set autoclose=yes nowarn=yes seed=11 swapseed=12;", "lset nst=6 rates=gamma;",
        f"mcmc ngen={GENERATIONS} nruns=2 nchains=2 samplefreq=500 printfreq=5000 diagnfreq=5000 savebrlens=yes;", "end;", "")))


def verdict(_, folder):
    """All parameters and trees that it has sampled."""
    files = sorted(folder.glob("data.nex.run*.[pt]"))
    assert len(files) == 4, files
    # But for the time of day.
    return "\n".join(line for file in files for line in file.read_text().splitlines() if not line.startswith("[ID: "))


PROGRAM = Program("mrbayes-mpi", ["/usr/lib/mrbayes-mpi/mb-mpi", "data.nex"], 4, verdict, prepare)
