"""Writes the table of all fields of all configurations, as Markdown.

python -m experiments.list_fields --output=experiments/configs/FIELDS.md
"""

from absl import flags

from experiments import command

if __name__ == "__main__":  # tests import this module, and flags are global
    _OUTPUT = flags.DEFINE_string("output", "", "File to write; empty: the table is printed.")


def text() -> str:
    """Returns the page."""
    from alphatensor import config
    from alphatensor.factorization.library import RecombinationConfig
    from alphatensor.kernels import KernelConfig, TuningConfig
    from alphatensor.training.annealing import AnnealRunConfig
    from alphatensor.training.config import RunConfig
    from alphatensor.training.flip_search import FlipRunConfig
    from alphatensor.training.tailor_config import TailorConfig

    titles = {
        RunConfig: "Runs of the agent (`experiments.train`)",
        FlipRunConfig: "Flip-graph searches (`experiments.flip_search`)",
        AnnealRunConfig: "Searches by annealing (`experiments.anneal`)",
        KernelConfig: "Kernels (`alphatensor.compile_matmul`)",
        TuningConfig: "The choice of a kernel (`alphatensor.autotune`)",
        TailorConfig: "Searches for fast kernels (`experiments.tailor`)",
        RecombinationConfig: "Recombination (`experiments.factorizations recombine` and `fill`)",
    }
    written_by = "`python -m experiments.list_fields --output=experiments/configs/FIELDS.md`"
    parts = [f"# Fields of configurations\n\nWritten by\n{written_by}."]
    for kind, title in titles.items():
        parts.append(f"## {title}\n\n{config.markdown_table(kind)}")
    return "\n\n".join(parts) + "\n"


def main() -> None:
    from alphatensor import files

    if not _OUTPUT.value:
        print(text(), end="")
        return
    try:
        files.write_text(_OUTPUT.value, text())
    except OSError as error:
        raise ValueError(f"--output={_OUTPUT.value!r}: {error.strerror}.") from None


if __name__ == "__main__":
    command.run(main)
