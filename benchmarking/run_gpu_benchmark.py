"""Times fast matrix multiplication against `jnp.dot` on a GPU; see `matmul_speed` for the method.

    python -m benchmarking.run_gpu_benchmark
    python -m benchmarking.run_gpu_benchmark --sizes=8192 --precisions=float32,tf32,bf16x6,bfloat16

Precisions: float32 is true float32 (JAX would use TF32 on Ampere and Hopper by default); tf32,
bf16x6 and bf16x9 multiply float32 matrices in that way, kernel and baseline alike; bfloat16 and
float16 are stored so. Clocks are read and reported, never changed.
"""

from benchmarking import matmul_speed
from experiments import command


def main() -> None:
    matmul_speed.main(
        "gpu", [8192, 10240, 12288, 14336, 16384, 18432, 20480], ["float32", "tf32", "bfloat16"]
    )


if __name__ == "__main__":
    command.run(main)
