"""Layers of Haiku and of Flax learn the same with the project's products as with JAX's.

Every layer is trained with Adam for a few steps, both ways, where its shapes were tuned and where
they were not. Flax is optional.
"""

import functools

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import tuned

import alphatensor

BATCH, LENGTH, WIDTH, OUT = 4, 2, 8, 6
STEPS = 4
ROWS = BATCH * LENGTH
SIZES = ((WIDTH, OUT), (WIDTH, WIDTH), (WIDTH, 2 * WIDTH), (2 * WIDTH, WIDTH))
TUNED = [(ROWS, *sizes) for sizes in SIZES]  # all products of inputs and weights below


@pytest.fixture(params=[True, False], ids=["tuned", "not tuned"])
def is_tuned(request, tmp_path):
    with tuned.tuned(tmp_path / "kernels.json", TUNED if request.param else []):
        yield request.param


def data():
    key, other = jax.random.split(jax.random.key(0))
    return jax.random.normal(key, (BATCH, LENGTH, WIDTH)), jax.random.normal(other, (OUT,))


def learn(apply, parameters):
    """Returns the losses of some steps with Adam, and the parameters after them."""
    inputs, target = data()
    # A gradient that is zero but for rounding, as that of the keys' bias, shall move nothing.
    optimizer = optax.adam(0.05, eps=1e-4)

    def loss(parameters):
        return ((apply(parameters, inputs).mean((0, 1)) - target) ** 2).mean()

    def step(carry, _):
        parameters, state = carry
        value, gradient = jax.value_and_grad(loss)(parameters)
        updates, state = optimizer.update(gradient, state)
        return (optax.apply_updates(parameters, updates), state), value

    start = parameters, optimizer.init(parameters)
    (parameters, _), losses = jax.lax.scan(step, start, None, length=STEPS)
    return losses, parameters


def check(ours, theirs, parameters, is_tuned: bool):
    """Compares two functions (parameters, inputs) -> outputs that should learn the same."""
    found, expected = (functools.partial(learn, apply) for apply in (ours, theirs))
    if not is_tuned:  # then the programs are the same
        programs = [str(jax.make_jaxpr(f)(parameters)) for f in (found, expected)]
        assert programs[0] == programs[1]
        return
    assert tuned.is_fast(found, parameters) and not tuned.is_fast(expected, parameters)
    (losses, after), (expected_losses, expected_after) = (
        jax.jit(f)(parameters) for f in (found, expected)
    )
    assert expected_losses[-1] < expected_losses[0]
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-4)
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=2e-3), after, expected_after)


def haiku_apply(function, matmul):
    """Returns apply(parameters, inputs) of a Haiku function whose `Linear` use `matmul`."""
    transformed = hk.without_apply_rng(hk.transform(function))

    def linear(module, x):
        w = hk.get_parameter("w", [x.shape[-1], module.output_size], x.dtype)
        b = hk.get_parameter("b", [module.output_size], x.dtype)
        return matmul(x, w) + b

    def intercept(method, args, kwargs, context):
        if type(context.module) is hk.Linear and context.method_name == "__call__":
            return linear(context.module, *args)
        return method(*args, **kwargs)

    def apply(parameters, inputs):
        with hk.intercept_methods(intercept):
            return transformed.apply(parameters, inputs)

    return transformed.init, apply


def dense(x):
    return hk.Linear(OUT)(x)


def transformer_block(x):
    initial = hk.initializers.VarianceScaling(1.0)
    attention = hk.MultiHeadAttention(2, WIDTH // 2, w_init=initial, model_size=WIDTH)

    def norm(x):
        return hk.LayerNorm(-1, True, True)(x)

    y = norm(x)
    x = x + attention(y, y, y)
    x = x + hk.Linear(WIDTH)(jax.nn.gelu(hk.Linear(2 * WIDTH)(norm(x))))
    return hk.Linear(OUT)(norm(x))


@pytest.mark.parametrize("function", [dense, transformer_block])
def test_haiku(function, is_tuned):
    init, ours = haiku_apply(function, alphatensor.matmul)
    _, theirs = haiku_apply(function, jnp.matmul)
    parameters = init(jax.random.key(1), data()[0])
    check(ours, theirs, parameters, is_tuned)


def test_flax_dense(is_tuned):
    nn = pytest.importorskip("flax.linen")
    layers = [nn.Dense(OUT, dot_general=f) for f in (alphatensor.dot_general, None)]
    parameters = layers[1].init(jax.random.key(1), data()[0])
    check(layers[0].apply, layers[1].apply, parameters, is_tuned)


def test_flax_nnx_linear(is_tuned):
    nnx = pytest.importorskip("flax.nnx")

    def layer(dot_general):
        return nnx.split(nnx.Linear(WIDTH, OUT, dot_general=dot_general, rngs=nnx.Rngs(0)))

    def apply(definition, parameters, inputs):
        return nnx.merge(definition, parameters)(inputs)

    ours, _ = layer(alphatensor.dot_general)
    theirs, parameters = layer(jax.lax.dot_general)
    check(*(functools.partial(apply, x) for x in (ours, theirs)), parameters, is_tuned)
