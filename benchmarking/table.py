"""Former place of what `benchmarking.report` holds."""

from benchmarking.report import parse_format, write_csv

__all__ = ["parse_format", "write_csv"]
