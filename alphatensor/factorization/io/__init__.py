"""Factorizations in and out: files of every format, text, code, pictures."""

from alphatensor.factorization.io.c_code import to_c
from alphatensor.factorization.io.code import header, to_jax, to_latex, to_numpy, to_text
from alphatensor.factorization.io.export import LANGUAGES, export
from alphatensor.factorization.io.formats import (
    check,
    convert,
    load,
    load_entry,
    load_exact,
    save,
    verify,
    write,
    write_text,
)
from alphatensor.factorization.io.picture import draw, figure, png
from alphatensor.files import FileError

__all__ = [
    "LANGUAGES",
    "FileError",
    "check",
    "convert",
    "draw",
    "export",
    "figure",
    "header",
    "load",
    "load_entry",
    "load_exact",
    "png",
    "save",
    "to_c",
    "to_jax",
    "to_latex",
    "to_numpy",
    "to_text",
    "verify",
    "write",
    "write_text",
]
