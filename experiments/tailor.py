"""Searches the equivalents of one algorithm for the kernel that runs fastest on this device.

  python -m experiments.tailor --factorization=factorizations/4x4x4_Z.npz --size=4096 \
      --output=runs/tailor_4096
  python -m experiments.tailor ... --candidates=40      # resumes: what is measured is kept

Every candidate is an algorithm of the same rank in one schedule: a cyclic or transposed form of a
square format, or a sparse neighbour in the flip graph, then a walk through sandwiches of elementary
matrices for fewer additions.
It is checked against jnp.dot, then timed against it in interleaved pairs. Candidate 0 is the
algorithm as given, unrolled.

Writes OUTPUT.jsonl, one measurement a line, after each candidate, and OUTPUT.npz, the candidate of
the best median ratio so far with its measurement as provenance. An interrupt loses only the
candidate that is being timed.
"""

import json
import os
import pathlib
import random

from absl import flags

from experiments import command

if __name__ == "__main__":  # tests import this module, and flags are global
    _FACTORIZATION = flags.DEFINE_string("factorization", None, "File of the algorithm.")
    _OUTPUT = flags.DEFINE_string("output", "runs/tailor", "Path without suffix.")
    _SIZE = flags.DEFINE_integer("size", 4096, "Rows and columns.", lower_bound=1)
    _DTYPES = ("float32", "float64", "bfloat16", "float16")
    _DTYPE = flags.DEFINE_enum("dtype", "float32", _DTYPES, "Of the operands.")
    _PRECISION = flags.DEFINE_string("precision", "highest", "As in jnp.dot.")
    _CANDIDATES = flags.DEFINE_integer("candidates", 20, "Measured in all.", lower_bound=1)
    _REPEATS = flags.DEFINE_integer("repeats", 7, "Pairs of each.", lower_bound=1)
    _TRIES = flags.DEFINE_integer("tries", 100, "Sandwiches scored for each walk.", lower_bound=0)
    _SEED = flags.DEFINE_integer("seed", 0, "Of the candidates.")


def candidate(f, number: int, tries: int, seed: int):
    """Equivalent and options of `compile_matmul` of one number; the same for the same arguments."""
    from alphatensor.factorization import rotate, transpose
    from alphatensor.factorization.analysis import orbit
    from alphatensor.flip_graph import refinement

    if number == 0:
        return f, {"schedule": "unrolled", "tile": None}
    rng = random.Random(f"{seed} {number}")
    if len(set(f.sizes)) == 1:
        f = rotate(transpose(f) if rng.random() < 0.5 else f, rng.randrange(3))
    if f.is_integral and rng.random() < 0.5:
        walk_seed = rng.randrange(2**31)
        near = refinement.neighbours([f], num_walkers=64, rounds=10, seed=walk_seed, most=16)
        f = rng.choice(near) if near else f
    if f.is_integral:
        f = orbit.fewer_additions(f, tries=tries, seed=rng.randrange(2**31))
    return f, {"schedule": rng.choice(("unrolled", "sequential")), "tile": None}


def measure(f, options: dict, size: int, dtype: str, precision: str, repeats: int) -> dict:
    """Checks, then times; the figures of `timing.paired` and the error beside jnp.dot's."""
    import functools

    import jax
    import jax.numpy as jnp

    from alphatensor.factorization.analysis import straight_line as schedule
    from alphatensor.kernels import compile_matmul, timing

    args = timing.operands((size,) * 3, jnp.dtype(dtype))
    kernel = jax.jit(compile_matmul(f, precision=precision, **options))
    baseline = jax.jit(functools.partial(jnp.dot, precision=precision))
    fast, slow = (x(*args).astype(jnp.float32) for x in (kernel, baseline))
    difference = float(jnp.linalg.norm(fast - slow) / jnp.linalg.norm(slow))
    if not difference < 1e3 * float(jnp.finfo(dtype).eps):
        raise RuntimeError(f"{options}: differs from jnp.dot by {difference:.1e}; not timed.")
    pairs = timing.paired(baseline, kernel, args, repeats)
    additions = sum(schedule.additions(f))
    return pairs._asdict() | options | {"difference": difference, "additions": additions}


def settings() -> dict:
    """What measurements must share to be compared."""
    import jax

    return {
        **{"factorization": _FACTORIZATION.value, "size": _SIZE.value, "dtype": _DTYPE.value},
        **{"precision": _PRECISION.value, "tries": _TRIES.value, "seed": _SEED.value},
        **{"device": jax.devices()[0].device_kind, "jax": jax.__version__},
    }


def read(path: pathlib.Path, same: dict) -> list[dict]:
    """Measurements of an earlier run; ValueError where it was one of other settings."""
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


def write(path: pathlib.Path, lines: list[dict]) -> None:
    """All measurements at once, under a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text("".join(json.dumps(x) + "\n" for x in lines))
    os.replace(temporary, path)


def main() -> None:
    import jax
    import jax.numpy as jnp

    from alphatensor import factorization as fz
    from alphatensor.kernels import compile, memory

    if _FACTORIZATION.value is None:
        raise ValueError("--factorization: not given, expected a file such as 4x4x4_Z.npz.")
    if _DTYPE.value == "float64":
        jax.config.update("jax_enable_x64", True)
    f = compile.flatten(fz.load(_FACTORIZATION.value)[0], 1)
    if _SIZE.value < max(f.sizes):
        raise ValueError(f"--size: {_SIZE.value}, expected at least {max(f.sizes)}.")
    memory.check(f, (_SIZE.value,) * 3, jnp.dtype(_DTYPE.value))
    same, path = settings(), pathlib.Path(f"{_OUTPUT.value}.jsonl")
    lines = read(path, same)
    try:
        for number in range(len(lines), _CANDIDATES.value):
            g, options = candidate(f, number, _TRIES.value, _SEED.value)
            figures = measure(
                g, options, _SIZE.value, _DTYPE.value, _PRECISION.value, _REPEATS.value
            )
            best = max((x["figures"]["ratio"] for x in lines), default=0.0)
            line = {"number": number, "figures": figures, "settings": same}
            if figures["ratio"] > best:
                # First the algorithm: a line on disk says that its candidate is dealt with.
                path.parent.mkdir(parents=True, exist_ok=True)
                provenance = {"method": "tailored", "start": f.provenance, "measured": line}
                fz.save(f"{_OUTPUT.value}.npz", g.replace(provenance=provenance))
            lines.append(line)
            write(path, lines)
            print(f"{number}: {figures['ratio']:.3f} {options} {figures['additions']}", flush=True)
    except KeyboardInterrupt:
        print(f"stopped; {len(lines)} candidates are kept in {path}", flush=True)


if __name__ == "__main__":
    command.run(main)
