"""Measures errors of fast algorithms beside those of jnp.dot, and predicts their ratio.

    python -m benchmarking.accuracy --size=1024 --dtype=float32 --output=runs/accuracy

Operands are standard normal, and errors are those against the product in float64. Ratios are to the
error of jnp.dot. `predicted` is sqrt(phi / nmp), the ratio where rounding of operands dominates
(bfloat16, float16).

Writes OUTPUT.csv (format, rank, levels, dtype, size, scaling, error, ratio, element-wise error,
ratio, predicted, gamma, e_max, q, platform, jax).
"""

import jax
import jax.numpy as jnp
from absl import flags

from alphatensor import config
from alphatensor.factorization import Factorization
from alphatensor.factorization.analysis import costs
from alphatensor.kernels import accuracy, compile_matmul, diagonal_scaling, memory, timing
from alphatensor.kernels.compile import flatten
from benchmarking import report
from experiments import command

_OUTPUT = flags.DEFINE_string("output", "runs/accuracy", "Path of the table, without suffix.")
_FORMATS = flags.DEFINE_list(
    "formats", ["2x2x2", "3x3x3", "4x4x4"], "Matrix formats whose algorithms are measured."
)
_LIBRARY = flags.DEFINE_string("library", "factorizations", "Folder of the library.")
_LEVELS = flags.DEFINE_list("levels", ["1", "2"], "Numbers of levels of each algorithm.")
_SIZE = flags.DEFINE_integer("size", 1024, "Rows and columns of the matrices.")
_DTYPES = ("float32", "bfloat16", "float16")
_DTYPE = flags.DEFINE_enum("dtype", "float32", _DTYPES, "Dtype of the operands and the result.")
_SCALINGS = flags.DEFINE_list(
    "scalings", ["none"], "Diagonal scalings, see alphatensor/kernels/diagonal_scaling.py."
)
_PRECISION = flags.DEFINE_string(
    "precision", "highest", "Precision of the products, as in jnp.dot."
)

HEADER = (
    *("format", "rank", "levels", "dtype", "size", "scaling", "error", "ratio"),
    *("element-wise", "ratio element-wise", "predicted", "gamma", "e_max", "q"),
    *("platform", "jax"),
)


def row(
    f: Factorization, levels: int, size: int, dtype: str, diagonal: str, precision: str = "highest"
) -> tuple:
    """Measures one algorithm and returns its line as in `HEADER`."""
    shape = (size,) * 3
    memory.check(flatten(f, levels), shape, dtype, extra=5 * 8 * size**2)
    a, b = timing.operands(shape, jnp.dtype(dtype))
    kernel = compile_matmul(f, levels, precision=precision, diagonal=diagonal)
    fast = accuracy.error(jax.jit(kernel)(a, b), a, b)
    dot = accuracy.error(jnp.dot(a, b, precision=precision), a, b)
    growth = costs.growth(f, levels)
    return (
        *("x".join(map(str, f.sizes)), f.rank, levels, dtype, size, diagonal),
        *(f"{fast.norm:.3e}", round(fast.norm / dot.norm, 3)),
        *(f"{fast.element:.3e}", round(fast.element / dot.element, 3)),
        *(round(growth.predicted, 3), round(growth.gamma, 2), round(growth.e_max, 2), growth.q),
        *(jax.devices()[0].platform, jax.__version__),
    )


def main() -> None:
    rows = []
    levels_of_all = command.checked_integers(_LEVELS, 1, 8)
    size = command.checked(_SIZE, config.integer(least=1))
    for name in _SCALINGS.value:
        if name not in diagonal_scaling.SCALINGS:
            expected = f"some of {', '.join(diagonal_scaling.SCALINGS)}"
            raise ValueError(f"--scalings={name!r}: expected {expected}.")
    algorithms = report.from_library("formats", _FORMATS.value, _LIBRARY.value)
    output = report.table_path(_OUTPUT.value)
    print("  ".join(HEADER))
    for f in algorithms:
        for levels in levels_of_all:
            for diagonal in _SCALINGS.value:
                case = (f, levels, size, _DTYPE.value, diagonal, _PRECISION.value)
                rows.append(row(*case))
                print("  ".join(map(str, rows[-1])), flush=True)
                report.write_csv(output, HEADER, rows)


if __name__ == "__main__":
    command.run(main)
