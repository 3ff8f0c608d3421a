"""What the tables share: names of formats, and CSV files that are never half-written."""

import csv
import io
import os
import pathlib


def parse_format(text: str) -> tuple[int, int, int]:
    """`3x4x5` as sizes."""
    parts = text.strip().split("x")
    if len(parts) != 3 or not all(x.isdecimal() and int(x) for x in parts):
        raise ValueError(f"--formats: {text!r}, expected three sizes such as '3x4x5'.")
    return tuple(map(int, parts))


def write_csv(path: pathlib.Path, header, rows) -> None:
    """All rows at once, under a temporary name first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(text.getvalue())
    os.replace(temporary, path)
