"""Times fast matrix multiplication against `jnp.dot` on a GPU; see `matmul_speed` for the method.

    python -m benchmarking.run_gpu_benchmark --minutes=9 --output=runs/gpu
    python -m benchmarking.run_gpu_benchmark
    python -m benchmarking.run_gpu_benchmark --sizes=8192 --precisions=float32,tf32,bf16x6,bfloat16

Precisions: float32 is true float32 (JAX would use TF32 on Ampere and Hopper by default); tf32,
bf16x6 and bf16x9 multiply float32 matrices in that way, kernel and baseline alike; bfloat16 and
float16 are stored so. Clocks are read and reported, never changed.

With --minutes the agent and the walkers are measured too, and everything ends in time with what it
has (`budgeted`).
"""

from benchmarking import budgeted
from experiments import command

# The sizes that say most first: a budget may not suffice for all.
SIZES = [8192, 16384, 4096, 2048, 20480, 1024, 12288, 10240, 14336, 18432]


def main() -> int:
    return budgeted.main("gpu", SIZES, ["float32", "tf32", "bfloat16", "bf16x6", "bf16x9"])


if __name__ == "__main__":
    command.run(main)
