"""What the tables share: names of formats, and CSV files that are never half-written."""

import csv
import io
import pathlib
from collections.abc import Iterable, Sequence

from alphatensor.factorization.io import files


def parse_format(text: str) -> tuple[int, int, int]:
    """Reads `3x4x5` as sizes; raises `ValueError` for anything else."""
    parts = text.strip().split("x")
    if len(parts) != 3 or not all(x.isdecimal() and int(x) for x in parts):
        raise ValueError(f"--formats: {text!r}, expected three sizes such as '3x4x5'.")
    return tuple(map(int, parts))


def write_csv(path: pathlib.Path, header: Sequence, rows: Iterable[Sequence]) -> None:
    """Writes all rows, whole or not at all, in a folder that is made where there is none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    files.write_text(path, text.getvalue())
