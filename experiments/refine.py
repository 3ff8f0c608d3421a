"""Searches algorithms of the same rank for cheaper ones, and keeps the Pareto set of their costs.

  python -m experiments.refine --factorization=factorizations/3x3x3_Z.npz --seconds=300 \
      --output=runs/refined_3x3x3

Costs are the entries that are not zero, additions after sharing, the predicted error of floating
point (growth) and the largest coefficient. OUTPUT.npz holds all kept algorithms, fewest additions
first, and is rewritten whenever the set changes; the same command goes on from it. Algorithms with
entries -1, 0 and 1 alone are walked over the integers; others mod 2, and what lifts is costed.
"""

import pathlib
import time

from absl import flags
from tqdm import tqdm

from experiments import command

if __name__ == "__main__":  # tests import this module, and flags are global
    _FACTORIZATION = flags.DEFINE_string("factorization", None, "File of the algorithm.")
    _OUTPUT = flags.DEFINE_string("output", "runs/refined", "Path without suffix.")
    _SECONDS = flags.DEFINE_float("seconds", 60.0, "Of all walks.")
    _WALKERS = flags.DEFINE_integer("walkers", 1_024, "In each walk.", lower_bound=1)
    _SEED = flags.DEFINE_integer("seed", 0, "Of the walks.", lower_bound=0)

HEADER = f"{'non-zeros':>10}{'additions':>11}{'growth':>9}{'largest':>9}"


def line(one) -> str:
    """One row under `HEADER`."""
    return f"{one.nonzeros:>10}{one.additions:>11}{one.growth:>9.3f}{one.largest:>9}"


def read(path: pathlib.Path, f) -> list:
    """The algorithms of an earlier run; ValueError where they are of another format or rank."""
    from alphatensor import factorization as fz

    if not path.exists():
        return []
    stored = fz.load(path)
    if any((x.sizes, x.rank, x.ring) != (f.sizes, f.rank, f.ring) for x in stored):
        raise ValueError(f"--output: {path} holds algorithms of another format or rank.")
    return stored


def write(path: pathlib.Path, kept: list, start: str) -> None:
    """All kept algorithms with their costs as provenance."""
    from alphatensor import factorization as fz

    path.parent.mkdir(parents=True, exist_ok=True)
    names = ("nonzeros", "additions", "growth", "largest")
    stored = []
    for one in kept:
        f = one.factorization
        costs = dict(zip(names, one.costs, strict=True))
        stored.append(f.replace(provenance=f.provenance | {"refined_from": start} | costs))
    fz.save(path, stored)


def main() -> None:
    from alphatensor import factorization as fz
    from alphatensor.flip_graph import refinement
    from alphatensor.training import devices

    if _FACTORIZATION.value is None:
        raise ValueError("--factorization: not given, expected a file such as 3x3x3_Z.npz.")
    if not _SECONDS.value > 0:
        raise ValueError(f"--seconds={_SECONDS.value}: expected a budget above 0.")
    devices.use_all_cores()
    import jax

    if _WALKERS.value % jax.device_count():
        expected = f"a multiple of the {jax.device_count()} devices"
        raise ValueError(f"--walkers={_WALKERS.value}: expected {expected}.")
    f = fz.load(_FACTORIZATION.value)[0]
    if f.ring.is_modular or f.sizes is None or not f.is_integral:
        raise ValueError("--factorization: expected a matrix multiplication with integer factors.")
    if not (check := f.verify()).ok:
        raise ValueError(f"--factorization={_FACTORIZATION.value}: {check.message}")
    path = pathlib.Path(f"{_OUTPUT.value}.npz")
    starts = [f, *read(path, f)]
    write(path, [refinement.cost(x) for x in starts], _FACTORIZATION.value)  # before the walks
    shown: list[tuple] = []
    begin = time.monotonic()
    print(f"{'s':>7}{HEADER}")
    with tqdm(total=round(_SECONDS.value), unit="s", dynamic_ncols=True) as bar:
        try:
            for kept in refinement.refine(
                starts, _SECONDS.value, seed=_SEED.value, walkers=_WALKERS.value
            ):
                elapsed = time.monotonic() - begin
                if [x.costs for x in kept] != shown:
                    for one in kept:
                        if one.costs not in shown:
                            bar.write(f"{elapsed:7.0f}{line(one)}")
                    shown = [x.costs for x in kept]
                    write(path, kept, _FACTORIZATION.value)
                bar.set_description(f"fewest additions {kept[0].additions}")
                bar.update(min(round(elapsed), bar.total) - bar.n)
        except KeyboardInterrupt:
            bar.write("Interrupted; what was found is stored.")
    print(f"kept in {path}:\n{HEADER}")
    for costs in shown:
        print("".join(f"{x:>{w}}" for x, w in zip(costs, (10, 11, 9, 9), strict=True)))


if __name__ == "__main__":
    command.run(main)
