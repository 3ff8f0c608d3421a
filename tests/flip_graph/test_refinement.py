"""Dependent terms go; cheaper algorithms of the same rank are found and the Pareto set is right."""

import subprocess
import sys

import numpy as np
import pytest

from alphatensor import rings
from alphatensor.factorization import load, naive, reduced, sandwich, save, strassen
from alphatensor.flip_graph import refinement
from alphatensor.flip_graph.refinement import Costed

Z = rings.Integers()
RINGS = [Z, rings.IntegersMod(2), rings.IntegersMod(3)]


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_dependent_terms_are_merged(ring):
    """a⊗b⊗c = -(-a)⊗b⊗(c-g) + a⊗(b+e)⊗g - a⊗e⊗g: three terms for one."""
    f = naive((2, 2, 2), ring)
    (a, b, c), rest = (x[:, :1] for x in f.factors), [x[:, 1:] for x in f.factors]
    e, g = np.array([[0, 0, 1, 1], [1, 0, 1, 0]])[:, :, None]
    new = ([-a, a, a], [b, b + e, e], [g - c, g, -g])
    u, v, w = (ring.reduce(np.hstack([*x, old])) for x, old in zip(new, rest, strict=True))
    longer = f.replace(u=u, v=v, w=w)
    assert longer.rank == 10 and longer.verify().ok
    shorter = reduced(longer)
    assert shorter.rank == 8 and shorter.verify().ok
    assert reduced(strassen(ring)).rank == 7


def one(*costs):
    return Costed(None, *costs)


def test_the_pareto_set_by_hand():
    a, b, c = one(10, 5, 1.0, 1), one(12, 4, 1.0, 1), one(9, 6, 1.5, 1)
    beaten, equal = one(12, 5, 1.0, 1), one(10, 5, 1.0, 1)
    assert refinement.pareto([c, beaten, a, equal, b]) == [b, a, c]
    assert refinement.pareto([]) == []


def dense():
    """The naive 1x2x3 in another basis; in its own it needs 4 additions and 18 entries."""
    m, k = np.array([[1, 1], [0, 1]]), np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]])
    return sandwich(naive((1, 2, 3), Z), np.eye(1, dtype=int), m, k)


@pytest.mark.parametrize("ternary", [True, False])
def test_walks_make_an_algorithm_cheaper(ternary):
    f = dense()
    if not ternary:  # mod 2 and back: an entry 2 stays in one term
        f = sandwich(f, np.eye(1, dtype=int), np.array([[1, 1], [0, 1]]), np.eye(3, dtype=int))
        assert max(np.abs(np.array(x)).max() for x in f.factors) == 2
    before = refinement.cost(f)
    *_, kept = refinement.refine([f], 1e-3, walkers=64, rounds=20)
    assert all(x.factorization.verify().ok and x.factorization.rank == 6 for x in kept)
    assert min(x.nonzeros for x in kept) == 18 and kept[0].additions < before.additions
    assert refinement.cost(kept[0].factorization).costs == kept[0].costs


def command(*flags):
    program = [sys.executable, "-m", "experiments.refine", "--seconds=1", "--walkers=64"]
    return subprocess.run([*program, *flags], capture_output=True, text=True)


def test_the_command_stores_the_set_and_goes_on_from_it(tmp_path):
    save(tmp_path / "dense.npz", dense())
    flags = f"--factorization={tmp_path}/dense.npz", f"--output={tmp_path}/out/refined"
    done = command(*flags)
    assert done.returncode == 0, done.stderr
    stored = load(tmp_path / "out/refined.npz")
    assert stored[0].provenance["nonzeros"] == 18 and stored[0].verify().ok
    assert command(*flags).returncode == 0
    again = load(tmp_path / "out/refined.npz")
    assert again[0].provenance["additions"] <= stored[0].provenance["additions"]


def test_mistakes_are_named(tmp_path):
    save(tmp_path / "mod2.npz", strassen(rings.IntegersMod(2)))
    save(tmp_path / "other.npz", strassen())
    save(tmp_path / "dense.npz", dense())
    for flags, words in [
        (["--factorization=missing.npz"], "missing.npz"),
        ([f"--factorization={tmp_path}/mod2.npz"], "integer factors"),
        ([f"--factorization={tmp_path}/dense.npz", "--walkers=65"], "multiple"),
        (
            [f"--factorization={tmp_path}/dense.npz", f"--output={tmp_path}/other"],
            "another format",
        ),
    ]:
        done = command(*flags)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert words in done.stderr
