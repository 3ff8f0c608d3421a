"""Where a run stands, from its folder alone; it may still be going on."""

import json
import pathlib
import time

from alphatensor import files
from alphatensor.training import checkpoints, curves, run_folder

SHOWN = {
    "loss/policy": "policy loss (nats)",
    "loss/value": "value loss",
    "games/solved": "solved share of games",
    "games/best_rank": "best rank of the last round",
    "search/policy_entropy": "entropy of the policy (nats)",
    "search/search_depth": "search depth",
    "search/merged_share": "duplicates merged, share",
    "speed/simulations_per_second": "simulations/s",
    "speed/positions_per_second": "positions/s",
    "memory/peak_bytes": "peak memory (bytes)",
}


def describe(folder: pathlib.Path) -> str:
    """Returns what a run has done, found and stored, one fact a line.

    Raises:
      ValueError: where the folder is not that of a run.
    """
    try:
        config = json.loads((folder / "config.json").read_text())
        target, ring, seed = (config[name] for name in ("target", "ring", "seed"))
    except (OSError, ValueError, TypeError, KeyError):
        raise ValueError(f"{str(folder)!r}: expected the folder of a run.") from None
    lines = [f"{target} over {ring}, seed {seed}: {_activity(folder)}"]
    try:
        rows = curves.read(folder)
    except ValueError as error:
        rows = []
        lines.append(str(error))
    if rows:
        last = rows[-1]
        lines.append(
            f"{last['seconds']:,.0f} s, {last['updates']:,.0f} updates, "
            f"{last['rounds']:,.0f} rounds of games"
        )
    for name, title in SHOWN.items():
        values = [row[name] for row in rows if name in row]
        if values:
            lines.append(f"{title:<28} {values[-1]:,.4g}")
    lines += [f"found                        {x.name}" for x in sorted(folder.glob("*_rank*.npz"))]
    unreadable: list[str] = []
    for step, manifest in checkpoints.manifests(folder / "checkpoints", unreadable.append).items():
        kept = ", kept for ever" if manifest.keep_for_ever else ""
        lines.append(f"checkpoint                   update {step:,}{kept}")
    return "\n".join(lines + unreadable)


def draw(folder: pathlib.Path, picture: pathlib.Path) -> bool:
    """Draws the curves so far as PNG; returns whether there are any.

    Raises:
      OSError: where the picture cannot be written.
      ValueError: for curves that cannot be read.
    """
    rows = curves.read(folder)
    if rows:
        files.write(picture, lambda file: curves.draw(rows, file))
    return bool(rows)


def _activity(folder: pathlib.Path) -> str:
    if run_folder.is_running(folder):
        return "running"
    path = folder / curves.NAME
    if not path.exists():
        return "not running"
    return f"not running, last written {(time.time() - path.stat().st_mtime) / 60:,.0f} min ago"
