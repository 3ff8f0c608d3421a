"""The commands, `python -m experiments.NAME`, and their configurations."""

import sys

if sys.argv[:1] == ["-m"]:  # a command begins: before anything slow is imported
    from experiments import interruption

    interruption.end_at_once()
