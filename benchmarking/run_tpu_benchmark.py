"""Times fast matrix multiplication against `jnp.dot` on a TPU; see `matmul_speed` for the method.

    python -m benchmarking.run_tpu_benchmark
    python -m benchmarking.run_tpu_benchmark --sizes=8192 --precisions=bfloat16

Precisions: bfloat16, and float32 in the highest precision, kernel and baseline alike.
"""

from benchmarking import matmul_speed
from experiments import command


def main() -> None:
    matmul_speed.main(
        "tpu", [8192, 10240, 12288, 14336, 16384, 18432, 20480], ["bfloat16", "float32"]
    )


if __name__ == "__main__":
    command.run(main)
