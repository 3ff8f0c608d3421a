"""The paper's ablation: the same run with one part of the agent left out at a time.

Fawzi et al. 2022, supplement: for 4x4x4, the best rank of the whole agent is 49, without the
categorical instead of the quantile head, retraining on best games, signed permutations, changes of
basis, self-play and demonstrations 52, 52, 53, 58, 60 and 64. Here all variants of a configuration
make the same number of updates on several seeds, one run after the other, each in a folder of its
own: an ablation goes on where it was stopped, and finished runs are not made again. Games on sums
of terms have parts of their own (`VARIANTS_OF_SUMS`).

Example::

    for row in ablation.run(quickstart.get_config(), AblationConfig(seeds=(0, 1, 2))):
        print(row)
"""

import csv
import dataclasses
import io
import json
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import BinaryIO, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from ml_collections import ConfigDict

from alphatensor import files
from alphatensor.config import (
    Config,
    ConfigError,
    differences,
    integer,
    integers,
    path,
    require,
    setting,
    some_of,
)
from alphatensor.training import curves, runner, settings
from alphatensor.training.config import RunConfig


def _without_demonstrations(config: RunConfig) -> RunConfig:
    train = config.train
    _, recent, best = train.mixture
    mixture = (0.0, recent / (recent + best), best / (recent + best))
    # The updates of the warm-up are made after rounds of games instead.
    rounds = train.max_rounds + train.warmup_updates // train.updates_per_round
    return _with(config, "train", mixture=mixture, warmup_updates=0, max_rounds=rounds)


def _without_best_games(config: RunConfig) -> RunConfig:
    demonstrations, recent, best = config.train.mixture
    return _with(config, "train", mixture=(demonstrations, recent + best, 0.0))


def _with(config: RunConfig, section: str, **fields) -> RunConfig:
    return config.replace(**{section: getattr(config, section).replace(**fields)})


VARIANTS: Mapping[str, Callable[[RunConfig], RunConfig]] = {
    "whole": lambda config: config,
    "no_demonstrations": _without_demonstrations,
    "no_self_play": lambda config: _with(config, "train", mixture=(1.0, 0.0, 0.0)),
    "no_change_of_basis": lambda config: _with(config, "bases", canonical_probability=1.0),
    "no_signed_permutations": lambda config: _with(config, "bases", signed_permutations=1),
    "no_best_games": _without_best_games,
    "categorical_head": lambda config: _with(config, "network", value="categorical"),
}

VARIANTS_OF_SUMS: Mapping[str, Callable[[RunConfig], RunConfig]] = {
    "whole": VARIANTS["whole"],
    "no_demonstrations": lambda config: _with(config, "neighbourhood", share=1.0),
    "no_self_play": lambda config: _with(config, "neighbourhood", share=0.0),
    "no_signed_permutations": VARIANTS["no_signed_permutations"],
    "no_related_terms": lambda config: _with(config, "neighbourhood", related=0.0),
    "no_detours": lambda config: _with(config, "neighbourhood", detour=0.0, margin=0),
    "no_restarts": lambda config: _with(config, "neighbourhood", restart=0.0),
}
NAMES = tuple(dict.fromkeys([*VARIANTS, *VARIANTS_OF_SUMS]))


@dataclasses.dataclass(frozen=True)
class AblationConfig(Config):
    """Which runs an ablation makes."""

    variants: tuple[str, ...] = setting(
        (),
        some_of(NAMES, least=0),
        "The parts left out, one at a time; () for all that fit the games.",
    )
    seeds: tuple[int, ...] = setting((0, 1, 2), integers(least=0), "Seeds of each variant.")
    rounds: int = setting(
        20, integer(least=1), "Rounds of games of each run; all make the same number of updates."
    )
    output: str = setting("runs/ablation", path(), "Folder of all runs and results.", is_free=True)

    def check(self) -> None:
        require("seeds", self.seeds, self.seeds, "at least one seed")


class Row(NamedTuple):
    """Says what one run reached.

    Attributes:
      variant: name of what was left out.
      seed: seed of the run.
      rank: best rank found within the budget; 0 for none.
      updates, seconds: when it was found, compilation included; 0 for never.
      solved: share of all games of the run that ended with nothing left.
    """

    variant: str
    seed: int
    rank: int
    updates: int
    seconds: float
    solved: float


def run(config: RunConfig | ConfigDict | Mapping, ablation: AblationConfig) -> Iterator[Row]:
    """Makes the runs that are missing, and yields the row of each run, finished ones first.

    OUTPUT/results.csv, table.md and ablation.png are rewritten after each run.

    Args:
      config: the whole agent on one target.
      ablation: which runs.

    Raises:
      ConfigError: in one line, for a configuration that does not fit.
      ValueError: in one line, for a folder of another ablation.
      RunError: where a run cannot go on; finished runs are kept.
    """
    base = config if isinstance(config, RunConfig) else RunConfig.from_dict(config)
    given = settings.from_config(base)
    require("target", base.target, len(given.targets) == 1, "one target")
    known = VARIANTS_OF_SUMS if base.neighbourhood.walks else VARIANTS
    has_games = bool(base.neighbourhood.walks) or sum(base.train.mixture[1:]) > 0
    require("train.mixture", base.train.mixture, has_games, "shares of games above 0")
    for name in ablation.variants:
        require("variants", name, name in known, f"some of {', '.join(known)}")
    folder = pathlib.Path(ablation.output)
    _open(folder, base, ablation)
    rows = read(folder)
    yield from rows
    done = {(row.variant, row.seed) for row in rows}
    for seed in ablation.seeds:
        for variant in ablation.variants or known:
            if (variant, seed) not in done:
                rows.append(_one(base, known[variant], variant, seed, ablation))
                write(folder, rows)
                yield rows[-1]


def _one(
    base: RunConfig,
    without: Callable[[RunConfig], RunConfig],
    variant: str,
    seed: int,
    ablation: AblationConfig,
) -> Row:
    """Makes one run and returns what it reached."""
    folder = pathlib.Path(ablation.output) / f"{variant}_{seed}"
    config = _with(base, "train", max_rounds=ablation.rounds, max_seconds=0.0, goal=())
    config = without(config.replace(seed=seed, output=str(folder)))
    outcome = runner.train(config)
    if outcome.ended.startswith("Interrupted"):
        raise KeyboardInterrupt
    played = [row["games/solved"] for row in curves.read(folder) if "games/solved" in row]
    ring = "Z" if config.train.lift else config.ring
    best = [f for f in outcome.best.values() if f.ring.name == ring]
    found = best[0].provenance if best else {"updates": 0, "seconds": 0.0}
    return Row(
        variant=variant,
        seed=seed,
        rank=best[0].rank if best else 0,
        updates=found["updates"],
        seconds=found["seconds"],
        solved=round(float(np.mean(played)), 4),
    )


def _open(folder: pathlib.Path, base: RunConfig, ablation: AblationConfig) -> None:
    """Writes what the ablation is of, or checks that the folder is of the same."""
    free = ("seeds", "variants", "output")
    same = {k: v for k, v in ablation.to_dict().items() if k not in free}
    here = json.loads(json.dumps({"run": base.to_dict() | {"seed": 0}, "ablation": same}))
    about = folder / "ablation.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not about.exists():
            files.write_text(about, json.dumps(here, indent=2))
        there = json.loads(about.read_text())
        other = [*differences(RunConfig, there["run"], here["run"])]
        other += [*differences(AblationConfig, there["ablation"], here["ablation"])]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"cannot be used ({' '.join(str(error).split())})"
        raise ConfigError("output", str(folder), reason, f"output: {folder} {reason}.") from None
    if other:
        name, x, y = other[0]
        reason = f"holds an ablation with another configuration: {name} {x!r} -> {y!r}"
        raise ConfigError("output", str(folder), reason, f"output: {folder} {reason}.")


def read(folder: pathlib.Path) -> list[Row]:
    """Reads the rows of results.csv; [] where there is none.

    Raises:
      ValueError: for a file of anything else, in one line.
    """
    path = folder / "results.csv"
    if not path.exists():
        return []
    try:
        with path.open(newline="") as file:
            kinds = Row.__annotations__.items()
            return [Row(**{k: kind(x[k]) for k, kind in kinds}) for x in csv.DictReader(file)]
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: not the results of an ablation ({reason}).") from None


def write(folder: pathlib.Path, rows: Sequence[Row]) -> None:
    """Writes results.csv, table.md and ablation.png."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([Row._fields, *rows])
    files.write_text(folder / "results.csv", text.getvalue())
    files.write_text(folder / "table.md", table(rows))
    files.write(folder / "ablation.png", lambda file: draw(rows, file))


def table(rows: Sequence[Row]) -> str:
    """Returns a Markdown table with a line for each variant."""
    lines = [
        "| variant | seeds | best ranks | updates to them | seconds to them | games solved |",
        "|---|---|---|---|---|---|",
    ]
    for variant, own in _by_variant(rows).items():
        cells = [
            variant.replace("_", " "),
            ", ".join(str(row.seed) for row in own),
            ", ".join(str(row.rank or "none") for row in own),
            ", ".join(str(row.updates) if row.rank else "-" for row in own),
            ", ".join(f"{row.seconds:.0f}" if row.rank else "-" for row in own),
            f"{np.mean([row.solved for row in own]):.1%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def draw(rows: Sequence[Row], file: BinaryIO) -> None:
    """Draws, for each variant, the best ranks, when they were found and the games solved."""
    groups = _by_variant(rows)
    names = [name.replace("_", " ") for name in groups]
    figure = Figure(figsize=(11, 1.2 + 0.45 * len(groups)), layout="constrained")
    titles = ("best rank", "updates until it was found", "share of games solved")
    for ax, title, field in zip(
        figure.subplots(1, 3, sharey=True), titles, ("rank", "updates", "solved"), strict=True
    ):
        for place, own in enumerate(groups.values()):
            values = [getattr(row, field) for row in own if row.rank or field == "solved"]
            ax.plot(values, [place] * len(values), "o", color="C0", alpha=0.6)
            if values:
                ax.plot(np.mean(values), place, "|", color="C1", ms=16, mew=2)
        ax.set_title(title, fontsize=10)
        ax.grid(alpha=0.3)
        ax.set_yticks(range(len(names)), names)
    figure.axes[0].invert_yaxis()
    figure.savefig(file, dpi=110, format="png")


def _by_variant(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Returns the rows of each variant in the order of `NAMES`, by seed."""
    found = {name: sorted(x for x in rows if x.variant == name) for name in NAMES}
    return {name: own for name, own in found.items() if own}
