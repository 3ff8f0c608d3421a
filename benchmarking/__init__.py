"""Scripts that time things, `python -m benchmarking.NAME`, and their results."""

import sys

if sys.argv[:1] == ["-m"]:  # a script begins: before anything slow is imported
    from experiments import interruption

    interruption.end_at_once()
