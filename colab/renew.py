"""Renews the notebooks: one first cell and one badge for all, and outputs where asked for.

python colab/renew.py                   # after a change of first_cell.py, such as of its address
python colab/renew.py --execute speed   # also runs a notebook here, and stores what it shows
"""

import argparse
import pathlib
import re
import tempfile

import nbformat

FOLDER = pathlib.Path(__file__).parent
NAMES = ("explore", "discover", "speed")


def renewed(name: str) -> nbformat.NotebookNode:
    """Returns a notebook with the badge and the first cell that it should have."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    cell = (FOLDER / "first_cell.py").read_text().rstrip("\n")
    place = re.search('^PROJECT = "https://(.+?)"', cell, re.M)[1]  # github.com/OWNER/REPOSITORY
    opened = place.replace("github.com", "https://colab.research.google.com/github", 1)
    image = "https://colab.research.google.com/assets/colab-badge.svg"
    badge = f"[![Open in Colab]({image})]({opened}/blob/HEAD/colab/{name}.ipynb)"
    title = notebook.cells[0].source.split("\n", 1)[1]
    notebook.cells[0].source, notebook.cells[1].source = f"{badge}\n{title}", cell
    return notebook


def execute(notebook: nbformat.NotebookNode, folder: str, seconds: int = 3_600) -> None:
    """Runs all cells in a folder; outputs replace those that the notebook has."""
    import nbclient

    resources = {"metadata": {"path": folder}}
    nbclient.NotebookClient(notebook, timeout=seconds, resources=resources).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times, which would differ at each renewal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--execute", nargs="+", choices=NAMES, default=[], metavar="NAME")
    chosen = parser.parse_args().execute
    for name in NAMES:
        notebook = renewed(name)
        if name in chosen:
            with tempfile.TemporaryDirectory() as folder:
                execute(notebook, folder)
        nbformat.write(notebook, FOLDER / f"{name}.ipynb")


if __name__ == "__main__":
    main()
