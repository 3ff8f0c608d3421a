"""Times fast matrix multiplication against `jnp.dot` on a CPU; see `matmul_speed` for the method.

    python -m benchmarking.run_cpu_benchmark
    python -m benchmarking.run_cpu_benchmark --factorizations=factorizations/4x4x4_Z.npz

Precisions: float32 (the default), float64, bfloat16, float16.
"""

from benchmarking import matmul_speed
from experiments import command


def main() -> None:
    matmul_speed.main("cpu", [1024, 2048, 4096, 8192], ["float32"])


if __name__ == "__main__":
    command.run(main)
