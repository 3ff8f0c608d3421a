"""A process that does nothing but write checkpoints, 300,000 equal numbers each.

python tests/training/killed_checkpoints.py FOLDER LAST_STEP
"""

import sys

import jax
import jax.numpy as jnp

from alphatensor.training import checkpoints


def write(folder: str, last: int) -> None:
    keeper = checkpoints.Checkpoints(folder, 2)
    state = {"step": jnp.zeros((), jnp.int32), "big": jnp.zeros((300_000,), jnp.float32)}
    shapes = jax.tree.map(
        lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=x.sharding), state
    )
    restored = keeper.restore(shapes, lambda stored: stored["step"], print)
    if restored is not None:
        state, step = restored
        assert int(state["step"]) == step and bool(jnp.all(state["big"] == step))
    print("from", int(state["step"]))
    while (step := int(state["step"]) + 1) <= last:
        state = jax.tree.map(lambda x: x + 1, state)
        keeper.save(step, state, {"step": step})
        print("step", step)
    keeper.wait()


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]))
