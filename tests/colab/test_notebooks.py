"""The notebooks run from top to bottom, with small sizes, and have one first cell."""

import pathlib
import sys

import nbformat
import pytest

ROOT = pathlib.Path(__file__).parents[2]
sys.path.append(str(ROOT / "colab"))

import renew  # noqa: E402

SMALL = {
    "explore": "",
    "discover": """
import tiny
config = tiny.get_config()
config.output = "runs/tiny"
GAMES = 8
FORMAT, SYMMETRY, FLIP_SECONDS = "2x2x2", "rotation", 2.0
""",
    "speed": "SIZES, YOURS, TRIES, REPEATS = (512,), [(520, 512, 600)], 1, 1",
}
LIMIT = 300_000  # bytes of a notebook with its outputs


def run(name, folder, monkeypatch, times=1) -> str:
    """Executes a notebook in a folder, its parameters replaced; returns all text that it shows."""
    cache = ROOT / ".jax_cache"
    for key, value in {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
        "ALPHATENSOR_CACHE": str(folder / "kernels.json"),
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.05",
    }.items():
        monkeypatch.setenv(key, value)
    notebook = renew.renewed(name)
    for i, cell in enumerate(notebook.cells):
        if "parameters" in cell.metadata.get("tags", ()):
            notebook.cells.insert(i + 1, nbformat.v4.new_code_cell(SMALL[name]))
            break
    notebook.cells = notebook.cells[:2] + notebook.cells[2:] * times
    renew.execute(notebook, str(folder), seconds=600)
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    texts = [o.get("text", "") + o.get("data", {}).get("text/plain", "") for o in outputs]
    images = sum("image/png" in o.get("data", {}) for o in outputs)
    return "\n".join(texts) + f"\n{images} pictures"


@pytest.mark.parametrize("name", renew.NAMES)
def test_the_first_cell_and_the_badge_are_those_of_all(name):
    path = ROOT / "colab" / f"{name}.ipynb"
    assert nbformat.read(path, as_version=4) == renew.renewed(name)
    assert path.stat().st_size < LIMIT


def test_explore(tmp_path, monkeypatch):
    text = run("explore", tmp_path, monkeypatch)
    assert "alphatensor 0.1.0, jax" in text and " 2 pictures" in text.replace("\n", " ")
    assert "2x2x2 in rank 7 over Z: exact." in text and "not a factorisation: entry" in text
    assert "lifted one are equivalent." in text and "4x6x9 in rank" in text
    assert "agree: True" in text and (tmp_path / "exported/4x5x5.json").exists()


def test_discover_runs_twice(tmp_path, monkeypatch):
    """The second time the run goes on from where it is: at its end."""
    text = run("discover", tmp_path, monkeypatch, times=2)
    assert text.count("rank 2, verified exactly") >= 2
    assert text.count("without search: ") == 2
    assert text.count("2x2x2 in rank 7 over Z: exact. AlphaTensor's rank over Z: 7.") == 2


def test_speed(tmp_path, monkeypatch):
    text = run("speed", tmp_path, monkeypatch)
    assert "GFLOP/s" in text and "512×512×512" in text and "520×512×600" in text
    assert (tmp_path / "kernels.json").exists()
