"""Prints where a run stands, from its folder alone, and draws its curves; it may still be going on.

python -m experiments.status --run=runs/quickstart
"""

import fcntl
import json
import os
import pathlib
import time

from absl import flags

from experiments import command

_RUN = flags.DEFINE_string("run", "runs/quickstart", "Folder of the run.")
_PNG = flags.DEFINE_string("png", "", "Picture of the curves; default: status.png in the folder.")


def main() -> None:
    folder = pathlib.Path(_RUN.value)
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, json.JSONDecodeError):
        raise ValueError(f"--run={_RUN.value!r}: expected the folder of a run.") from None

    from alphatensor.training import checkpoints, run_folder

    print(f"{config['target']} over {config['ring']}, seed {config['seed']}: {_activity(folder)}")
    rows = run_folder.read_curves(folder)
    if rows:
        last = rows[-1]
        print(
            f"{last['seconds']:,.0f} s, {last['updates']:,.0f} updates, "
            f"{last['rounds']:,.0f} rounds of games"
        )
        for name, unit in _SHOWN.items():
            values = [row[name] for row in rows if name in row]
            if values:
                print(f"{unit:<28} {values[-1]:,.4g}")
    for path in sorted(folder.glob("*_rank*.npz")):
        print(f"found                        {path.name}")
    stored = checkpoints.stored(folder / "checkpoints")
    for step, manifest in stored.items():
        kept = ", kept for ever" if manifest["keep_for_ever"] else ""
        print(f"checkpoint                   update {step:,}{kept}")
    if rows:
        picture = pathlib.Path(_PNG.value or folder / "status.png")
        temporary = picture.with_name(f".{picture.name}.part")
        try:
            run_folder.draw_curves(rows, temporary)
            os.replace(temporary, picture)
        except OSError as error:
            raise ValueError(f"--png={str(picture)!r}: {error.strerror}.") from None
        print(f"curves                       {picture}")


_SHOWN = {
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


def _activity(folder: pathlib.Path) -> str:
    """A live run holds the lock of its folder."""
    try:
        with (folder / ".lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return "running"
    except OSError:
        pass
    curves = folder / "curves.csv"
    if not curves.exists():
        return "not running"
    return f"not running, last written {(time.time() - curves.stat().st_mtime) / 60:,.0f} min ago"


if __name__ == "__main__":
    command.run(main)
