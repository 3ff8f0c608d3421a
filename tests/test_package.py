"""The package as users install it: sdist and wheel, away from the checkout."""

import pathlib
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[1]
SOURCES = (
    "setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "factorizations",
    "alphatensor", "experiments", "benchmarking",
)  # fmt: skip
MOST_BYTES = 4_000_000

BUILD = """
from setuptools import build_meta
for build in (build_meta.build_sdist, build_meta.build_wheel):
    build("dist")
"""

USE = """
import alphatensor, jax.numpy as jnp, numpy as np, sys
from alphatensor.kernels import candidates
from experiments.configs import quickstart

assert alphatensor.__file__.startswith(sys.prefix), alphatensor.__file__
table = alphatensor.library()
assert len(table) >= 680 and table["16x16x16"]["Z"] < 16**3
for name, ring in (("4x5x5", "Z"), ("5x4x5", "Z2"), ("2x2x2", "Q")):
    f = alphatensor.load(name, ring)
    assert f.verify().ok and "x".join(map(str, f.sizes)) == name
    assert f.rank == table["x".join(sorted(name.split("x")))]["Z" if ring == "Q" else ring]
a, b = np.arange(8 * 10.0).reshape(8, 10), np.arange(10 * 15.0).reshape(10, 15)
product = alphatensor.compile_matmul(alphatensor.load("4x5x5"))(jnp.asarray(a), jnp.asarray(b))
np.testing.assert_allclose(product, a @ b, rtol=1e-4)
assert len(candidates.default_factorizations()) == 27
print(alphatensor.load("4x5x5").verify().message)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, pathlib.Path]:
    """The sdist and the wheel, built without network in a copy of the sources."""
    folder = tmp_path_factory.mktemp("sources")
    ignored = shutil.ignore_patterns("__pycache__", "results", "*.egg-info")
    for name in SOURCES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, folder / name, **({"ignore": ignored} if (ROOT / name).is_dir() else {}))
    _run(sys.executable, "-c", BUILD, cwd=folder)
    (sdist,), (wheel,) = (folder / "dist").glob("*.tar.gz"), (folder / "dist").glob("*.whl")
    return {"sdist": sdist, "wheel": wheel}


def _run(*command, cwd) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def _fresh_environment(folder: pathlib.Path) -> pathlib.Path:
    """Makes an environment with the requirements of this one, but not the project; its Python."""
    _run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder.parent)
    (packages,) = folder.glob("lib/python*/site-packages")
    there = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "requirements.pth").write_text("\n".join(there))  # .pth files there do not count
    return folder / "bin/python"


@pytest.fixture
def fresh(tmp_path, monkeypatch) -> pathlib.Path:
    """The Python of a fresh environment, where pip asks no index for anything."""
    for name in ("PYTHONPATH", "PYTHONHOME"):
        monkeypatch.delenv(name, raising=False)
    for option in ("NO_INDEX", "NO_DEPS", "IGNORE_INSTALLED"):
        monkeypatch.setenv(f"PIP_{option}", "1")
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "0")  # pip reads this one the other way round
    return _fresh_environment(tmp_path / "fresh")


def test_an_installed_sdist_has_the_library(built, fresh, tmp_path):
    _run(fresh, "-m", "pip", "install", built["sdist"], cwd=tmp_path)
    (tmp_path / "elsewhere").mkdir()
    launch = [
        "-m",
        "experiments.launch",
        "--config=quickstart",
        "--dry_run",
        "--where=slurm",
        "--devices=2",
    ]
    line = _run(fresh, *launch, cwd=tmp_path / "elsewhere").splitlines()[-1]
    script = pathlib.Path(line.split()[3])
    assert script.is_file() and script.is_relative_to(tmp_path / "fresh") and "quickstart" in line
    assert "4x5x5 in rank" in _run(fresh, "-c", USE, cwd=tmp_path / "elsewhere")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_the_notebooks_first_cell_installs_an_uploaded_wheel(built, fresh, tmp_path):
    """It lies beside a folder that has the package's name and nothing in it."""
    content = tmp_path / "content"
    (content / "alphatensor").mkdir(parents=True)
    shutil.copy(built["wheel"], content)
    cell = ("-c", (ROOT / "colab/first_cell.py").read_text())
    first, second = _run(fresh, *cell, cwd=content), _run(fresh, *cell, cwd=content)
    assert "stays as it is. Installing" in first and "Installing" not in second
    assert second.startswith("alphatensor 0.1.0, jax ") and first.endswith(second)
    assert "4x5x5 in rank" in _run(fresh, "-c", USE, cwd=content)


def test_what_is_shipped_is_the_one_source_and_small(built):
    with zipfile.ZipFile(built["wheel"]) as wheel:
        prefix = "alphatensor/factorization/library/files/"
        shipped = [info for info in wheel.infolist() if info.filename.startswith(prefix)]
        assert sum(info.file_size for info in shipped) < MOST_BYTES
        for info in shipped:
            name = info.filename.removeprefix(prefix)
            assert wheel.read(info) == (ROOT / "factorizations" / name).read_bytes()
    with tarfile.open(built["sdist"]) as sdist:
        held = {pathlib.PurePath(name).name for name in sdist.getnames()}
    assert {path.name for path in (ROOT / "factorizations").glob("*.npz")} <= held
