"""Package metadata. Everything else about the build lives in pyproject.toml."""

import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$', (ROOT / "alphatensor/__init__.py").read_text(), re.M
).group(1)

COLAB = ["ipykernel", "nbclient", "nbformat"]

setuptools.setup(
    name="alphatensor",
    version=VERSION,
    description="Finds, verifies and compiles fast matrix multiplication algorithms, in JAX.",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=setuptools.find_packages(include=["alphatensor*", "experiments*", "benchmarking*"]),
    package_data={"alphatensor.factorization.library": ["known_ranks.csv"]},
    install_requires=[
        "jax>=0.10",
        "orbax-checkpoint>=0.12",
        "dm-haiku>=0.0.17",
        "optax>=0.2.8",
        "mctx>=0.0.71",
        "chex>=0.1.92",
        "numpy>=2.0",
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
            *COLAB,
        ],
        "cuda": ["jax[cuda13]"],
        "tpu": ["jax[tpu]"],
        "colab": COLAB,
    },
)
