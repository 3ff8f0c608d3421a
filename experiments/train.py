"""Trains the agent on a target tensor and saves every algorithm that it finds.

    python -m experiments.train --config=experiments/configs/quickstart.py
    python -m experiments.train --config=experiments/configs/matmul_2x2x3.py --config.seed=1

Fields of the configuration are set with --config.field=value. Ctrl-C ends a run cleanly.
"""

import pathlib
import sys

from absl import flags
from ml_collections import ConfigDict, config_flags
from tqdm import tqdm

from experiments import command

_CONFIG = config_flags.DEFINE_config_file("config", None, "Path of a configuration file.")
_CACHE = flags.DEFINE_string(
    "compilation_cache",
    ".jax_cache",
    "Folder in which compiled programs are kept for the next start; empty for none.",
)


def main() -> None:
    config = _CONFIG.value
    if config is None:
        expected = "a file such as experiments/configs/quickstart.py"
        raise ValueError(f"--config: not given; expected {expected}.")
    if not isinstance(config, ConfigDict):  # what ml_collections gives for a file it cannot load
        name = config_flags.get_config_filename(flags.FLAGS["config"])
        raise ValueError(f"--config={name!r}: expected a file that defines get_config().")

    # Imported late: mistakes in flags are reported before JAX starts.
    import jax

    from alphatensor import devices, run_folder, settings, training

    devices.use_all_cores()
    if _CACHE.value:
        jax.config.update("jax_compilation_cache_dir", str(pathlib.Path(_CACHE.value).resolve()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)
    run_settings = settings.from_config(config)
    folder = run_folder.RunFolder(config.output, config.to_dict())

    with folder:
        ended = "limit reached"
        try:
            with tqdm(unit="update", dynamic_ncols=True, mininterval=0.5) as bar:
                bar.set_description("compiling")
                for _, report in training.train(run_settings):
                    folder.record(report)
                    for f in report.found:
                        bar.write(_announcement(f, folder.path))
                    bar.set_description(_progress(report))
                    bar.update(report.updates - bar.n)
        except KeyboardInterrupt:
            ended = "interrupted"
        except training.NonFiniteLossError as error:
            path = folder.save_failed_state(error.state)
            print(f"{error}; the state is in {path}.", file=sys.stderr)
            print(folder.summarise())
            sys.exit(1)
        print(f"\n{folder.summarise()}\n\n{_ending(ended)} Everything is in {folder.path}/.")


def _ending(ended: str) -> str:
    return "Interrupted; what was found is saved." if ended == "interrupted" else "Done."


def _announcement(f, path) -> str:
    from alphatensor.run_folder import name_of

    return (
        f"{f.target.name}: rank {f.rank} over {f.ring}, verified exactly, after "
        f"{f.provenance['seconds']:.0f} s -> {path / name_of(f)}.npz"
    )


def _progress(report) -> str:
    scalars = report.scalars
    best = ",".join(str(b) if b else "-" for b in report.best)
    text = (
        f"best rank {best} | policy {scalars['loss/policy']:.3f} value {scalars['loss/value']:.3f}"
    )
    if "games/solved" in scalars:
        text += (
            f" | solved {scalars['games/solved']:.0%}, {scalars['speed/games_per_second']:.0f} "
            f"games/s, {scalars['speed/simulations_per_second']:.0f} simulations/s"
        )
    return text


if __name__ == "__main__":
    command.run(main)
