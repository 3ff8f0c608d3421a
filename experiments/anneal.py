"""Looks for algorithms for n×2×p by annealing of points and triangles, and fills a library.

    python -m experiments.anneal --config=experiments/configs/annealing.py
    python -m experiments.anneal --config=experiments/configs/annealing.py \\
        --config.formats=2x6x7,2x7x8 --config.annealing.returns=300 --config.attempts=4
    python -m experiments.anneal --config=experiments/configs/annealing.py \\
        --config.formats=2x2x2..2x8x8 --config.annealing.ring=Z2

The same configuration gives the same results again.
"""

from experiments import command

_CONFIG = command.config_flag()


def main() -> None:
    """Searches, and prints what enters the library."""
    given = command.config_of(_CONFIG, "experiments/configs/annealing.py")

    from alphatensor.training import annealing, progress

    config = annealing.AnnealRunConfig.from_dict(given)
    attempts = annealing.attempts(config)
    done, total = 0.0, config.attempts * len(config.sizes)
    with progress.Bar("annealings", total) as bar:
        bar.show(0, "compiling")
        try:
            for attempt in attempts:
                command.raise_at_ctrl_c()
                for line in attempt.stored:
                    bar.write(f"seed {attempt.seed}  {line}")
                share, rank, found = attempt.annealed
                ring = config.annealing.ring
                if share == 1.0:
                    done += 1
                    if found is None:
                        bar.write(
                            f"seed {attempt.seed}  {attempt.name}: rank {rank}, of which no state "
                            f"that was tried is one over {ring}"
                        )
                bar.show(int(done), f"{attempt.name} over {ring}: rank {rank}, {share:.0%}")
        except KeyboardInterrupt:
            bar.write("Interrupted; everything found is in the library.")


if __name__ == "__main__":
    command.run(main, "alphatensor.training.annealing:AnnealRunConfig")
