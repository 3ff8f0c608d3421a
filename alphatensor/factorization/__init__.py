"""Factorizations as exact objects: verify, transform, combine, lift, read, write, export.

Example::

    from alphatensor import factorization as fz

    f = fz.load("factorizations/3x3x3_Z.npz")[0]
    print(f.verify().message)
    print(fz.to_text(f))

`factorization.analysis` has costs, equivalence and counting; `factorization.library` a folder of
factorizations and recombination.
"""

from alphatensor.factorization.aggregation import aggregated
from alphatensor.factorization.composition import (
    direct_sum,
    drop_zeros,
    extend,
    kronecker,
    project,
    projections,
)
from alphatensor.factorization.core import (
    Factorization,
    Verification,
    exact_array,
    from_arrays,
    matmul_target,
)
from alphatensor.factorization.io import (
    FileError,
    convert,
    draw,
    export,
    load,
    save,
    to_c,
    to_jax,
    to_latex,
    to_numpy,
    to_text,
    verify,
)
from alphatensor.factorization.lifting import Lift, lift, lift_with_reason
from alphatensor.factorization.pairs import strassen_pairs
from alphatensor.factorization.reduction import reduced
from alphatensor.factorization.textbook import entrywise, naive, strassen
from alphatensor.factorization.transforms import (
    canonical,
    permute_sizes,
    reduce_mod,
    rotate,
    sandwich,
    sparsify,
    transpose,
)

__all__ = [
    "Factorization",
    "FileError",
    "Lift",
    "Verification",
    "aggregated",
    "canonical",
    "convert",
    "direct_sum",
    "draw",
    "drop_zeros",
    "entrywise",
    "exact_array",
    "export",
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
    "sparsify",
    "strassen",
    "strassen_pairs",
    "to_c",
    "to_jax",
    "to_latex",
    "to_numpy",
    "to_text",
    "transpose",
    "verify",
]
