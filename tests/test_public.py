"""The public surface: what is promised exists, is documented, and nothing else is."""

import importlib
import inspect
import subprocess
import sys

import pytest

SURFACE = {
    "alphatensor": [
        "Factorization", "FlipRunConfig", "Run", "RunConfig", "autotune", "compile_matmul",
        "dot_general", "load", "matmul", "refine", "search_flips", "train",
    ],
    "alphatensor.training": ["Outcome", "Run", "RunConfig", "RunError", "train"],
}  # fmt: skip


@pytest.mark.parametrize("package", SURFACE)
def test_the_surface_is_what_is_listed(package):
    module = importlib.import_module(package)
    assert sorted(module.__all__) == SURFACE[package]


@pytest.mark.parametrize(
    "package",
    [
        "alphatensor",
        "alphatensor.agent",
        "alphatensor.factorization",
        "alphatensor.factorization.analysis",
        "alphatensor.factorization.io",
        "alphatensor.factorization.library",
        "alphatensor.flip_graph",
        "alphatensor.kernels",
        "alphatensor.training",
    ],
)
def test_everything_public_is_there_and_documented(package):
    module = importlib.import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert value.__doc__, f"{package}.{name}"


def test_the_package_imports_neither_jax_nor_absl_until_it_needs_them():
    code = (
        "import sys, alphatensor; print([x for x in ('jax', 'absl', 'haiku') if x in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_names_are_attribute_errors():
    import alphatensor

    with pytest.raises(AttributeError, match="nothing"):
        alphatensor.nothing  # noqa: B018
