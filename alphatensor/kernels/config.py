"""The options of a kernel, each with its default, its check and its meaning."""

import dataclasses
from typing import Any

from alphatensor.config import Check, Config, boolean, setting
from alphatensor.kernels import borders, diagonal_scaling, schedules


def _name_in(names) -> Check:
    return Check(lambda x: isinstance(x, str) and x in names, f"one of {', '.join(names)}")


def _anything(expected: str) -> Check:
    return Check(lambda x: True, expected)


@dataclasses.dataclass(frozen=True)
class KernelConfig(Config):
    """How an algorithm is applied to two matrices; see `compile_matmul`."""

    schedule: str = setting(
        "unrolled",
        _name_in(schedules.SCHEDULES),
        "Order in which sums and products of blocks are computed, see `kernels.schedules`. 'loop' "
        "needs the least memory.",
    )
    border: str = setting(
        "peel",
        _name_in(borders.BORDERS),
        "What is done where a size does not divide evenly: 'peel' multiplies the border by "
        "ordinary products, 'pad' adds zeros.",
    )
    precision: Any = setting(
        None, _anything("a precision"), "Precision of each product of blocks, as in `jnp.matmul`."
    )
    preferred_element_type: Any = setting(
        None, _anything("a dtype"), "Dtype of the result, as in `jnp.matmul`."
    )
    diagonal: str = setting(
        "none",
        _name_in(diagonal_scaling.SCALINGS),
        "Scaling of floats by powers of two beforehand, see `kernels.diagonal_scaling`.",
    )
    guard: bool = setting(
        False,
        boolean(),
        "Whether a product with entries that are not finite is computed again by `jnp.matmul`, "
        "which decides where NaN and Inf are. Costs a look at the result.",
    )
