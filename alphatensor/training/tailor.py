"""Searches the equivalents of one algorithm for the kernel that runs fastest on this device.

Every candidate is an algorithm of the same rank in one schedule: a cyclic or transposed form of a
square format, or a sparse neighbour in the flip graph, whose additions are then annealed. It is
checked against `jnp.dot`, then timed against it in interleaved pairs. Candidate 0 is the algorithm
as given, unrolled.

Example::

    for tailored in tailor.search(strassen(), TailorConfig(size=2048, candidates=10)):
        print(tailored.number, tailored.figures["ratio"])
"""

import json
import os
import pathlib
import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from alphatensor import files
from alphatensor.config import ConfigError
from alphatensor.factorization import Factorization, rotate, save, transpose
from alphatensor.factorization.analysis import straight_line
from alphatensor.flip_graph import fewer_additions, refinement
from alphatensor.kernels import compile_matmul, memory, schedules, timing
from alphatensor.kernels.compile import flatten
from alphatensor.training.tailor_config import TailorConfig


class TailorCandidate(NamedTuple):
    """An equivalent algorithm and the schedule that it runs in.

    Attributes:
      factorization: algorithm of the start's format and rank.
      schedule: name of its schedule, as in `KernelConfig`.
    """

    factorization: Factorization
    schedule: str


class Tailored(NamedTuple):
    """One candidate with its measurement.

    Attributes:
      number: the candidate's number, from 0.
      candidate: the candidate.
      figures: fields of `timing.Pairs`, `schedule`, `difference` (relative to `jnp.dot`'s result)
        and `additions` (after sharing).
    """

    number: int
    candidate: TailorCandidate
    figures: dict[str, Any]


def draw(f: Factorization, number: int, steps: int, seed: int) -> TailorCandidate:
    """Draws the candidate of a number; it is the same for the same arguments.

    Args:
      f: algorithm over Z or Q.
      number: 0 for `f` itself, unrolled.
      steps: moves of the annealing for fewer additions.
      seed: seed of all candidates.
    """
    if number == 0:
        return TailorCandidate(f, "unrolled")
    rng = random.Random(f"{seed} {number}")
    if len(set(f.sizes)) == 1:
        f = rotate(transpose(f) if rng.random() < 0.5 else f, rng.randrange(3))
    if f.is_integral and rng.random() < 0.5:
        walk_seed = rng.randrange(2**31)
        near = refinement.neighbours([f], num_walkers=64, tries=3_000, seed=walk_seed, most=16)
        f = rng.choice(near) if near else f
    if f.is_integral:
        f = fewer_additions(f, steps, seed=rng.randrange(2**31))
    return TailorCandidate(f, rng.choice(schedules.WORTH_TRYING))


def measure(candidate: TailorCandidate, config: TailorConfig) -> dict[str, Any]:
    """Checks a candidate's kernel against `jnp.dot`, then times both.

    Returns:
      The figures of `Tailored`.

    Raises:
      RuntimeError: if the results differ by more than rounding.
    """
    f, schedule = candidate
    args = timing.operands((config.size,) * 3, jnp.dtype(config.dtype))
    kernel = jax.jit(compile_matmul(f, schedule=schedule, precision=config.precision))
    dot = timing.dot(config.precision)
    fast, slow = (x(*args).astype(jnp.float32) for x in (kernel, dot))
    difference = float(jnp.linalg.norm(fast - slow) / jnp.linalg.norm(slow))
    if not difference < 1e3 * float(jnp.finfo(config.dtype).eps):
        raise RuntimeError(f"{schedule}: differs from jnp.dot by {difference:.1e}; not timed.")
    pairs = timing.against_dot(kernel, args, config.precision, config.repeats)
    additions = sum(straight_line.additions(f))
    checks = {"schedule": schedule, "difference": difference, "additions": additions}
    return pairs._asdict() | checks


def search(f: Factorization, config: TailorConfig, first: int = 0) -> Iterator[Tailored]:
    """Draws and measures the candidates from number `first` on, and yields each.

    Raises:
      ValueError: before anything is measured, for an algorithm that is none over the reals, a size
        below its format's, or too little memory.
    """
    f = flatten(f, 1)
    if config.size < max(f.sizes):
        raise ConfigError("size", config.size, f"at least {max(f.sizes)}")
    memory.check(f, (config.size,) * 3, jnp.dtype(config.dtype))
    for number in range(first, config.candidates):
        candidate = draw(f, number, config.steps, config.seed)
        yield Tailored(number, candidate, measure(candidate, config))


def run(
    f: Factorization, config: TailorConfig, output: str | os.PathLike, source: str
) -> Iterator[Tailored]:
    """Searches as `search` does, and keeps what is measured in files; goes on where it stopped.

    OUTPUT.jsonl holds one measurement a line and is written after each candidate. OUTPUT.npz holds
    the candidate of the best median ratio so far, with its measurement as provenance.

    Args:
      f: algorithm over Z or Q.
      config: what is measured; a run that goes on may only change `candidates` and `repeats`.
      output: path without suffix.
      source: name of the algorithm, such as its file, which the measurements repeat.

    Yields:
      What this call measures, after it is stored.

    Raises:
      ValueError: as `search`; or the files are those of a run with other settings.
    """
    same = _comparable(config, source)
    path = pathlib.Path(f"{output}.jsonl")
    lines = read(path, same)
    for tailored in search(f, config, first=len(lines)):
        line = {"number": tailored.number, "figures": tailored.figures, "settings": same}
        path.parent.mkdir(parents=True, exist_ok=True)
        if tailored.figures["ratio"] > best_ratio(lines):
            # First the algorithm: a line on disk says that its candidate is dealt with.
            provenance = {"method": "tailored", "start": f.provenance, "measured": line}
            save(f"{output}.npz", tailored.candidate.factorization.replace(provenance=provenance))
        lines.append(line)
        files.write_text(path, "".join(json.dumps(x) + "\n" for x in lines))
        yield tailored


def best_ratio(lines: Sequence[dict]) -> float:
    """Returns the best median ratio of measurements as `read` returns them; 0 for none."""
    return max((line["figures"]["ratio"] for line in lines), default=0.0)


def read(path: pathlib.Path, same: dict[str, Any]) -> list[dict]:
    """Reads the measurements of an earlier run; [] where there is no file.

    Args:
      path: file of one measurement a line.
      same: settings that all measurements must have.

    Raises:
      ValueError: for a file of anything else, or of a run with other settings.
    """
    if not path.exists():
        return []
    try:
        lines = [json.loads(x) for x in path.read_text().splitlines()]
        differ = [k for x in lines for k in same if x["settings"][k] != same[k]]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"--output: {path} holds no measurements ({error!r}).") from error
    if differ:
        raise ValueError(f"--output: {path} was measured with another {differ[0]}.")
    return lines


def _comparable(config: TailorConfig, source: str) -> dict[str, Any]:
    """Returns what measurements must share to be compared."""
    names = ("size", "dtype", "precision", "steps", "seed")
    return {
        "factorization": source,
        **{name: getattr(config, name) for name in names},
        "device": jax.devices()[0].device_kind,
        "jax": jax.__version__,
    }
