"""Package metadata, and the library's way into the package; the rest is in pyproject.toml."""

import pathlib
import re
import shutil

import setuptools
from setuptools.command.build_py import build_py

ROOT = pathlib.Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$', (ROOT / "alphatensor/__init__.py").read_text(), re.M
).group(1)

LIBRARY = ROOT / "factorizations"  # the one source; a build gets a copy
SHIPPED = "alphatensor/factorization/library/files"  # where `library.store.default_folder` looks


class BuildWithLibrary(build_py):
    """Copies the library into a build."""

    def run(self):
        super().run()
        if self.editable_mode:  # which uses the checkout
            return
        folder = pathlib.Path(self.build_lib) / SHIPPED
        shutil.rmtree(folder, ignore_errors=True)  # what an older build left
        folder.mkdir(parents=True)
        for path in [*LIBRARY.glob("*.json"), *LIBRARY.glob("*.npz")]:
            shutil.copyfile(path, folder / path.name)


COLAB = ["ipykernel", "nbclient", "nbformat"]
DOCS = ["sphinx>=9.0", "myst-parser>=5.0"]

setuptools.setup(
    name="alphatensor",
    version=VERSION,
    description="Finds, verifies and compiles fast matrix multiplication algorithms, in JAX.",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=setuptools.find_namespace_packages(  # `experiments.configs` has no __init__.py
        include=["alphatensor*", "experiments*", "benchmarking*"],
        exclude=["*.egg-info", "benchmarking.results"],
    ),
    cmdclass={"build_py": BuildWithLibrary},
    package_data={
        "alphatensor.factorization.library": ["known_*.csv"],
        "experiments.launch": ["*.sh"],
    },
    install_requires=[
        "jax>=0.7.2",
        "orbax-checkpoint>=0.12",
        "dm-haiku>=0.0.17",
        "optax>=0.2.8",
        "mctx>=0.0.71",
        "chex>=0.1.92",
        "numpy>=2.0",
        "scipy>=1.13",
        "numba>=0.63",  # the walkers' inner loop
        "absl-py>=2.3",
        "ml-collections>=1.1",
        "matplotlib>=3.10",
        "tensorboardX>=2.6.4",
        "tqdm>=4.67",
    ],
    extras_require={
        "test": [
            "pytest>=9",
            "pytest-xdist>=3.8",
            "import-linter>=2.3",
            "hypothesis>=6.150",
            "ruff>=0.15",
            "flax>=0.12",  # whose layers are compared
            "setuptools>=77",  # builds the package in a test
            *COLAB,
            *DOCS,
        ],
        "cuda": ["jax[cuda13]"],
        "tpu": ["jax[tpu]"],
        "colab": COLAB,
        "docs": DOCS,
    },
)
