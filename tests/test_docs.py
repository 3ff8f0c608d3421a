"""The documentation builds without a warning, and its reference has every public name."""

import importlib
import pathlib
import runpy

import numpy as np
import pytest
from sphinx.application import Sphinx
from test_public import SURFACE

from alphatensor import factorization as fz

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # of myst-parser

DOCS = pathlib.Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def documented(tmp_path_factory):
    """Builds the pages, where a warning is an error; returns the names that they describe."""
    out = tmp_path_factory.mktemp("docs")
    app = Sphinx(DOCS, DOCS, out, out / "doctrees", "dummy", status=None, exception_on_warning=True)
    app.build()
    assert app.statuscode == 0
    return app.env.domains["py"].objects


def value_of(name):
    """Returns what a full name such as `alphatensor.agent.search.search` stands for."""
    parts = name.split(".")
    for k in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:k]))
        except ModuleNotFoundError:
            continue
        for part in parts[k:]:
            value = getattr(value, part)
        return value
    raise LookupError(name)


def test_the_reference_has_every_public_name(documented):
    described = {id(value_of(name)) for name, x in documented.items() if x.objtype != "module"}
    missing = [
        f"{package}.{name}"
        for package in SURFACE
        for name in importlib.import_module(package).__all__
        if id(value_of(f"{package}.{name}")) not in described
    ]
    assert not missing


def test_the_picture_shows_what_the_page_says(tmp_path):
    script = runpy.run_path(str(DOCS / "draw_game.py"))
    entries = [np.count_nonzero(x) for x in script["residuals"](fz.strassen())]
    assert entries[:4] == [8, 12, 12, 12] and entries[-1] == 0 and len(entries) == 8
    script["draw"](tmp_path / "game.png")
    assert (tmp_path / "game.png").read_bytes().startswith(b"\x89PNG")
