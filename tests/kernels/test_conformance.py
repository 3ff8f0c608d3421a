"""`matmul` and `dot_general` beside `jnp`: replacing one by the other changes nothing but speed.

Operands are small integers, in floats as well, so that the results of both must be equal.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import tuned
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P
from tuned import is_fast

import alphatensor

TUNED = ((6, 4, 8), (7, 5, 9), (6, 6, 6), (2, 4, 8), (7, 11, 13), (1, 4, 8), (12, 6, 6))
NUMBERS = ("float32", "bfloat16", "float16", "int8", "uint16", "int32", "complex64")
DTYPES = (*NUMBERS, "bool")
PRECISIONS = ("None", "HIGHEST", "HIGH", "HIGHEST DEFAULT", "BF16_BF16_F32")
SHAPES = [
    ((6, 4), (4, 8)),
    ((7, 5), (5, 9)),
    ((2, 3, 4), (4, 8)),
    ((6, 4), (2, 4, 8)),
    ((3, 1, 6, 4), (2, 4, 8)),
    ((7, 11), (11, 13)),
    ((5, 3), (3, 17)),
    ((1, 4), (4, 8)),
    ((2, 6, 6), (6, 6)),
    ((1, 1), (1, 1)),
    ((4,), (4, 8)),
    ((6, 4), (4,)),
    ((4,), (4,)),
    ((0, 4), (4, 8)),
    ((6, 0), (0, 8)),
    ((0, 6, 4), (4, 8)),
]


@pytest.fixture(autouse=True, scope="module")
def choices(tmp_path_factory):
    """Chooses Strassen's algorithm for the shapes in `TUNED`, all dtypes and some precisions."""
    path = tmp_path_factory.mktemp("choices") / "kernels.json"
    with tuned.tuned(path, TUNED, NUMBERS), tuned.tuned(path, TUNED[:1], NUMBERS[:4], PRECISIONS):
        yield


def operands(shapes, dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.integers(0, 5, shape), dtype) for shape in shapes]


def check_same(found, expected):
    """Checks values, dtypes, shapes, weak types and shardings."""

    def check(x, y):
        assert (x.dtype, x.shape, x.weak_type) == (y.dtype, y.shape, y.weak_type)
        assert x.sharding == y.sharding
        x, y = (np.asarray(z.astype(jnp.float32) if z.dtype == jnp.bfloat16 else z) for z in (x, y))
        np.testing.assert_array_equal(x, y)

    jax.tree.map(check, found, expected)


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_shapes(shapes):
    check_same(alphatensor.matmul(*operands(shapes)), jnp.matmul(*operands(shapes)))


@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(dtype):
    args = operands(SHAPES[0], dtype)
    assert is_fast(alphatensor.matmul, *args) == (dtype != "bool")
    check_same(alphatensor.matmul(*args), jnp.matmul(*args))
    mixed = args[0], args[1].astype(jnp.int16)
    check_same(alphatensor.matmul(*mixed), jnp.matmul(*mixed))


def test_arrays_of_numpy_and_weak_types():
    a, b = operands(SHAPES[0])
    check_same(alphatensor.matmul(np.asarray(a), b), jnp.matmul(np.asarray(a), b))
    weak = jnp.broadcast_to(jnp.asarray(2.0), a.shape)
    assert weak.weak_type
    check_same(alphatensor.matmul(weak, weak.reshape(4, 6)), jnp.matmul(weak, weak.reshape(4, 6)))


OPTIONS = {
    "precision": (None, "highest", jax.lax.Precision.HIGH, ("highest", "default"), "BF16_BF16_F32"),
    "preferred_element_type": (None, jnp.float32, "bfloat16", jnp.int32),
}


def outcome(function, *args):
    """Returns a function's result, or the type of its error."""
    try:
        return function(*args)
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("preferred", OPTIONS["preferred_element_type"], ids=str)
@pytest.mark.parametrize("precision", OPTIONS["precision"], ids=str)
def test_options(precision, preferred):
    options = {"precision": precision, "preferred_element_type": preferred}
    for dtype in NUMBERS[:4]:
        args = operands(SHAPES[0], dtype)
        ours, theirs = (functools.partial(f, **options) for f in (alphatensor.matmul, jnp.matmul))
        found, expected = (outcome(jax.eval_shape, f, *args) for f in (ours, theirs))
        assert found == expected
        if not isinstance(expected, type):
            is_same = preferred is None or jnp.dtype(preferred) == args[0].dtype
            assert is_fast(ours, *args) == is_same
            if is_same:  # else the programs are the same
                check_same(outcome(ours, *args), outcome(theirs, *args))


def test_a_default_precision_is_that_of_the_call():
    args = operands(SHAPES[0])
    with jax.default_matmul_precision("high"):
        assert is_fast(alphatensor.matmul, *args)
    with jax.default_matmul_precision("float32"):
        assert is_fast(alphatensor.matmul, *args)
    with jax.default_matmul_precision("BF16_BF16_F32_X3"):
        assert not is_fast(alphatensor.matmul, *args)


def total(product, a, b):
    return (product(a, b) ** 2).sum()


def scanned(product, a, b):
    def step(x, _):
        return product(x, b) % 7, x.sum()

    return jax.lax.scan(step, a, None, length=3)


def mapped_over_shards(product, a, b):
    mesh = Mesh(np.array(jax.devices()[:1]), ("x",))
    specs = {"in_specs": (P("x", None), P()), "out_specs": P("x", None)}
    return jax.shard_map(product, mesh=mesh, **specs)(a, b)


def exported(product, a, b):
    (size,) = jax.export.symbolic_shape("size")
    symbolic = jax.ShapeDtypeStruct((size, *a.shape[1:]), a.dtype)
    program = jax.export.export(jax.jit(product))(symbolic, b)
    return program.call(a, b)


def exported_vmap(product, a, b):
    (size,) = jax.export.symbolic_shape("size")
    symbolic = jax.ShapeDtypeStruct((size, *a.shape), a.dtype)
    program = jax.export.export(jax.jit(jax.vmap(product, (0, None))))(symbolic, b)
    return program.call(jnp.stack([a, a]), b)


# Name -> function (product, a (6, 6), b (6, 6)).
TRANSFORMATIONS = {
    "jit": lambda product, a, b: jax.jit(product)(a, b),
    "vmap": lambda product, a, b: jax.vmap(product)(jnp.stack([a, b]), jnp.stack([b, a])),
    "vmap left": lambda product, a, b: jax.vmap(product, (1, None), 2)(jnp.stack([a, b], 1), b),
    "vmap right": lambda product, a, b: jax.vmap(product, (None, 2))(a, jnp.stack([a, b], 2)),
    "vmap twice": lambda product, a, b: jax.vmap(jax.vmap(product, (None, 0)), (0, None))(
        jnp.stack([a, b]), jnp.stack([b, a, a])
    ),
    "grad": lambda product, a, b: jax.grad(functools.partial(total, product), (0, 1))(a, b),
    "vmap of grad": lambda product, a, b: jax.vmap(
        jax.grad(functools.partial(total, product), (0, 1)), (0, None)
    )(jnp.stack([a, b]), b),
    "jvp": lambda product, a, b: jax.jvp(product, (a, b), (b, a)),
    "jvp of one": lambda product, a, b: jax.jvp(lambda a: product(a, b), (a,), (b,)),
    "linearize": lambda product, a, b: jax.linearize(product, a, b)[1](b, a),
    "transpose": lambda product, a, b: jax.linear_transpose(lambda b: product(a, b), b)(a),
    "jacfwd": lambda product, a, b: jax.jacfwd(product)(a, b),
    "hessian": lambda product, a, b: jax.hessian(lambda b: total(product, a, b))(b),
    "hessian vector": lambda product, a, b: jax.jvp(
        jax.grad(lambda x: total(product, x, product(x, b))), (a,), (b,)
    ),
    "checkpoint": lambda product, a, b: jax.grad(lambda a: total(jax.checkpoint(product), a, b))(a),
    "scan": scanned,
    "grad of scan": lambda product, a, b: jax.grad(
        lambda a: scanned(lambda x, y: product(x, y) / 64, a, b)[0].sum()
    )(a),
    "shard_map": mapped_over_shards,
    "grad of shard_map": lambda product, a, b: jax.grad(
        lambda *x: mapped_over_shards(product, *x).sum(), (0, 1)
    )(a, b),
    "export": exported,
    "export of vmap": exported_vmap,
    "donation": lambda product, a, b: jax.jit(product, donate_argnums=0)(a + 0, b),
}


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_transformations(name):
    transform = TRANSFORMATIONS[name]
    args = operands([(6, 6), (6, 6)])
    check_same(transform(alphatensor.matmul, *args), transform(jnp.matmul, *args))
    is_visible = not name.startswith("export")  # what was exported shows nothing
    assert is_fast(functools.partial(transform, alphatensor.matmul), *args) == is_visible


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_transformations_of_what_is_not_tuned_are_the_same_programs(name):
    for dtype in DTYPES:
        args = operands([(5, 5), (5, 5)], dtype)
        found, expected = (
            outcome(jax.make_jaxpr(functools.partial(TRANSFORMATIONS[name], f)), *args)
            for f in (alphatensor.matmul, jnp.matmul)
        )
        assert str(found) == str(expected)


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_transformations_keep_shapes_and_dtypes(name):
    for dtype in DTYPES:
        args = operands([(6, 6), (6, 6)], dtype)
        found, expected = (
            outcome(jax.eval_shape, functools.partial(TRANSFORMATIONS[name], f), *args)
            for f in (alphatensor.matmul, jnp.matmul)
        )
        assert found == expected


CONTRACTIONS = {
    "a dense layer": ((2, 3, 4), (4, 8), (((2,), (0,)), ((), ()))),
    "the other way round": ((4, 6), (8, 4), (((0,), (1,)), ((), ()))),
    "lists": ((6, 4), (4, 8), ([[1], [0]], [[], []])),
    "several outer axes": ((2, 4), (2, 4, 4), (((1,), (2,)), ((), ()))),
    "batches": ((4, 6, 5), (4, 5, 6), (((2,), (1,)), ((0,), (0,)))),
    "two contracted axes": ((6, 2, 2), (2, 2, 8), (((1, 2), (0, 1)), ((), ()))),
    "nothing contracted": ((6, 4), (4, 8), (((), ()), ((), ()))),
    "an empty contraction": ((6, 0), (0, 8), (((1,), (0,)), ((), ()))),
    "an empty result": ((0, 4), (4, 8), (((1,), (0,)), ((), ()))),
    "vectors": ((4,), (4,), (((0,), (0,)), ((), ()))),
}


@pytest.mark.parametrize("name", CONTRACTIONS)
def test_dot_general(name):
    left, right, numbers = CONTRACTIONS[name]
    args = operands([left, right])
    found = alphatensor.dot_general(*args, numbers)
    check_same(found, jax.lax.dot_general(*args, numbers))
    is_tuned = list(CONTRACTIONS).index(name) < 4
    assert is_fast(lambda a, b: alphatensor.dot_general(a, b, numbers), *args) == is_tuned


WRONG = {
    "inner sizes": lambda matmul: matmul(jnp.ones((6, 4)), jnp.ones((5, 8))),
    "scalars": lambda matmul: matmul(jnp.ones(()), jnp.ones((4, 8))),
    "batches": lambda matmul: matmul(jnp.ones((2, 6, 4)), jnp.ones((3, 4, 8))),
    "lists": lambda matmul: matmul([[1.0]], [[1.0]]),
    "text": lambda matmul: matmul("a", jnp.ones((4, 8))),
    "a precision": lambda matmul: matmul(jnp.ones((6, 4)), jnp.ones((4, 8)), precision="best"),
    "a dtype": lambda matmul: matmul(
        jnp.ones((6, 4)), jnp.ones((4, 8)), preferred_element_type="number"
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_have_the_same_type(name):
    with pytest.raises(Exception) as expected:  # noqa: B017
        WRONG[name](jnp.matmul)
    with pytest.raises(expected.type):
        WRONG[name](alphatensor.matmul)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_what_is_not_finite_is_where_jnp_puts_it(value):
    a, b = operands(SHAPES[0])
    a = a.at[1, 2].set(value).at[1, 3].set(value)
    assert is_fast(alphatensor.matmul, a, b)
    check_same(alphatensor.matmul(a, b), jnp.matmul(a, b))


def test_layers_learn_the_same():
    inputs, weights = operands([(6, 4), (4, 8)])
    optimizer = optax.adam(0.1)

    def learn(dot_general):
        def loss(weights):
            return (dot_general(inputs, weights, (((1,), (0,)), ((), ()))) ** 2).mean()

        def step(carry, _):
            weights, state = carry
            value, gradient = jax.value_and_grad(loss)(weights)
            updates, state = optimizer.update(gradient, state)
            return (optax.apply_updates(weights, updates), state), value

        start = weights, optimizer.init(weights)
        return jax.lax.scan(step, start, None, length=5)[1]

    found, expected = map(learn, (alphatensor.dot_general, jax.lax.dot_general))
    np.testing.assert_allclose(found, expected, rtol=1e-4)
