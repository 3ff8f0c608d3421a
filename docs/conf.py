"""How Sphinx builds the documentation; `make docs` writes it to docs/_build."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import alphatensor  # noqa: E402

project = "AlphaTensor in JAX"
version = release = alphatensor.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "alabaster"
exclude_patterns = ["_build"]

default_role = "code"  # `x` in docstrings is code
smartquotes = False
napoleon_google_docstring, napoleon_numpy_docstring = True, False
napoleon_use_ivar = True  # attributes are a list, not objects beside those that autodoc finds
autodoc_member_order = "groupwise"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
myst_heading_anchors = 3


def _skip_fields(app, what, name, value, skip, options):
    """Leaves out the fields of NamedTuples: the docstrings of their classes say what they are."""
    return True if type(value).__name__ == "_tuplegetter" else None


def setup(app):
    """Connects what this file adds to Sphinx."""
    app.connect("autodoc-skip-member", _skip_fields)
