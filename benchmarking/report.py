"""What the benchmarks share: formats and folders given by flags, tables and figures as files.

Files appear under their name whole or not at all, so that a table can be read while it grows.
"""

import csv
import io
import os
import pathlib
from collections.abc import Iterable, Sequence
from typing import Any

from matplotlib.figure import Figure

from alphatensor import config, files, rings, targets
from alphatensor.factorization import Factorization
from alphatensor.factorization.library import store


def parse_format(text: str) -> targets.Sizes:
    """Reads a format such as `3x4x5` as its sizes (n, m, p); raises `ValueError`."""
    try:
        return targets.parse_sizes(text.strip())
    except ValueError as error:
        raise ValueError(f"--formats: {error}") from None


def from_library(flag: str, names: Sequence[str], folder: str) -> list[Factorization]:
    """Reads a library's algorithms over Z of the formats that a flag names, all before the work.

    Raises:
      ValueError: for a name that is no format, or that the library lacks.
    """
    if not names:
        raise ValueError(f"--{flag}=: expected formats such as 2x2x2.")
    found = [store.best(folder, parse_format(name), rings.Integers()) for name in names]
    for name, f in zip(names, found, strict=True):
        if f is None:
            raise ValueError(f"--{flag}={name}: not in the library {folder!r}.")
    return found


def make_folder(path: str) -> pathlib.Path:
    """Makes the folder that `--output` names, unless it is there; raises `ValueError`."""
    if not config.path().accepts(path):
        raise ValueError(f"--output={path!r}: expected {config.path().expected}.")
    try:
        pathlib.Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--output={path!r}: {error.strerror}.") from None
    return pathlib.Path(path)


def table_path(path: str, suffix: str = ".csv") -> pathlib.Path:
    """Returns the file of a table that `--output` names without suffix; makes its folder.

    Raises:
      ValueError: where there is no such path, or its folder cannot be made.
    """
    if not config.path().accepts(path):
        raise ValueError(f"--output={path!r}: expected {config.path().expected}.")
    output = pathlib.Path(f"{path}{suffix}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--output={path!r}: {error.strerror}.") from None
    return output


def write_csv(
    path: str | os.PathLike, header: Iterable[str], rows: Iterable[Iterable[Any]]
) -> None:
    """Writes a table; makes its folder where there is none.

    Args:
      path: file of the table, which is replaced.
      header: names of the columns.
      rows: values of each row, in the order of the header.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    files.write_text(path, text.getvalue())


def write_records(path: str | os.PathLike, records: Sequence[dict[str, Any]]) -> None:
    """Writes a table of dictionaries that have the same keys, which become the header."""
    write_csv(path, records[0], (record.values() for record in records))


def write_figure(path: str | os.PathLike, figure: Figure) -> None:
    """Writes a matplotlib figure as PNG."""
    files.write(path, lambda file: figure.savefig(file, format="png", dpi=110))
