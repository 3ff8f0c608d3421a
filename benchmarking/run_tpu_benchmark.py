"""Times fast matrix multiplication against `jnp.dot` on a TPU; see `matmul_speed` for the method.

    python -m benchmarking.run_tpu_benchmark --minutes=9 --output=runs/tpu
    python -m benchmarking.run_tpu_benchmark
    python -m benchmarking.run_tpu_benchmark --sizes=8192 --precisions=bfloat16

Precisions: bfloat16, and float32 in the highest precision, kernel and baseline alike.

With --minutes the agent and the walkers are measured too, and everything ends in time with what it
has (`budgeted`).
"""

from benchmarking import budgeted
from experiments import command

# The sizes that say most first: a budget may not suffice for all.
SIZES = [8192, 16384, 4096, 2048, 20480, 1024, 12288, 10240, 14336, 18432]


def main() -> int:
    return budgeted.main("tpu", SIZES, ["bfloat16", "float32"])


if __name__ == "__main__":
    command.run(main)
