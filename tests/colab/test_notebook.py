"""The notebook over the library runs from top to bottom."""

import pathlib

import nbclient
import nbformat

ROOT = pathlib.Path(__file__).parents[2]


def test_explore_factorizations(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(ROOT / "colab/explore_factorizations.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    nbclient.NotebookClient(
        notebook, timeout=120, resources={"metadata": {"path": str(ROOT / "colab")}}
    ).execute()
    text = "\n".join(
        output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", [])
    )
    assert "2x2x2 in rank 7 over Z: exact." in text and "4x6x7 in rank" in text
    assert "not a factorisation: entry" in text and "multiplications      " in text
    images = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    ]
    assert len(images) == 1
