"""Factorisations as exact objects: verify, transform, combine, compare, exchange, export."""

from alphatensor.factorization.core import (
    Factorization,
    Verification,
    exact_array,
    from_arrays,
    matmul_target,
)
from alphatensor.factorization.io.exchange import load, save
from alphatensor.factorization.io.export import to_c, to_jax, to_latex, to_numpy, to_text
from alphatensor.factorization.io.npz import FileError
from alphatensor.factorization.io.picture import draw
from alphatensor.factorization.lifting import lift, lift_with_reason
from alphatensor.factorization.reduction import reduced
from alphatensor.factorization.transforms import (
    canonical,
    change_basis,
    direct_sum,
    extend,
    kronecker,
    naive,
    permute_sizes,
    project,
    projections,
    reduce_mod,
    rotate,
    sandwich,
    strassen,
    transpose,
)

__all__ = [
    "Factorization",
    "FileError",
    "Verification",
    "canonical",
    "change_basis",
    "direct_sum",
    "draw",
    "exact_array",
    "extend",
    "from_arrays",
    "kronecker",
    "lift",
    "lift_with_reason",
    "load",
    "matmul_target",
    "naive",
    "permute_sizes",
    "project",
    "projections",
    "reduce_mod",
    "reduced",
    "rotate",
    "sandwich",
    "save",
    "strassen",
    "to_c",
    "to_jax",
    "to_latex",
    "to_numpy",
    "to_text",
    "transpose",
]
