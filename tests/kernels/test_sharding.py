"""Operands on several devices: right results, and those of `matmul` sharded as `jnp`'s."""

import os
import subprocess
import sys

SCRIPT = """
import jax, jax.numpy as jnp, numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec as P
import alphatensor
from alphatensor import factorization as fz
from alphatensor.kernels import choice_cache, compile_matmul

mesh = Mesh(np.array(jax.devices()).reshape(2, 2), ("x", "y"))
rng = np.random.default_rng(0)
a, b = (rng.integers(-9, 10, (16, 16)).astype(np.int32) for _ in range(2))
c = jax.jit(compile_matmul(fz.strassen()))
for left, right in ((P("x", "y"), P("y", None)), (P("x"), P(None, "y")), (P(("x", "y")), P())):
    args = (jax.device_put(v, NamedSharding(mesh, s)) for v, s in ((a, left), (b, right)))
    np.testing.assert_array_equal(c(*args), a @ b)

choice = choice_cache.Choice("strassen", 1.5, (fz.strassen(),), "unrolled")
for shape in ((16, 16, 16), (8, 16, 16)):
    choice_cache.store(choice_cache.default_path(), choice_cache.key(shape, "float32"), choice)
a, b = (jnp.asarray(x, jnp.float32) for x in (a, b))
is_fast = lambda f, *x: "fast_matmul" in str(jax.make_jaxpr(f)(*x))
np.testing.assert_array_equal(alphatensor.matmul(a, b), a @ b)

x, y = (jax.device_put(v, NamedSharding(mesh, s)) for v, s in ((a, P("x", None)), (b, P())))
products = alphatensor.matmul, jnp.matmul
for transform in (lambda f: f, jax.jit):
    found, expected = (transform(f)(x, y) for f in products)
    np.testing.assert_array_equal(found, expected)
    assert found.sharding == expected.sharding
compiled = jax.jit(alphatensor.matmul).lower(x, y).compile().as_text()
assert "all-gather" not in compiled and "permute" not in compiled

on_shards = lambda f: jax.shard_map(f, mesh=mesh, in_specs=(P("x"), P()), out_specs=P("x"))
assert is_fast(on_shards(alphatensor.matmul), x, y)
square = lambda f: lambda *v: (on_shards(f)(*v) ** 2).sum()
found, expected = (jax.grad(square(f), (0, 1))(x, y) for f in products)
for v, w in zip(found, expected):
    np.testing.assert_array_equal(v, w)
    assert v.sharding == w.sharding

explicit = jax.make_mesh((2, 2), ("x", "y"), axis_types=(AxisType.Explicit,) * 2)
with jax.set_mesh(explicit):
    x, y = jax.device_put(a, P("x", None)), jax.device_put(b, P(None, None))
    for options in ({}, {"out_sharding": P("x", None)}):
        found, expected = (
            jax.jit(lambda x, y, f=f: f(x, y, **options))(x, y)
            for f in products
        )
        np.testing.assert_array_equal(found, expected)
        assert found.sharding == expected.sharding
print("right on", len(jax.devices()))
"""


def test_sharded_operands(tmp_path):
    flags = os.environ["XLA_FLAGS"]
    variables = {
        "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count=4",
        "JAX_PLATFORMS": "cpu",
        "ALPHATENSOR_CACHE": str(tmp_path / "kernels.json"),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=os.environ | variables, capture_output=True, text=True
    )
    assert done.stdout == "right on 4\n", done.stderr
