"""The options of a kernel and of its choice, each with its default, its check and its meaning."""

import dataclasses
from typing import Any

from alphatensor.config import (
    Check,
    Config,
    ConfigError,
    boolean,
    integer,
    is_number,
    number,
    setting,
)
from alphatensor.kernels import borders, diagonal_scaling, schedules

# What `accuracy` may be, with the diagonal scaling of each.
ACCURACIES = {"fast": "none", "scaled": "outer-inner"}


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
        "Order in which sums and products of blocks are computed, see `kernels.schedules`. "
        "'sequential' and 'loop' need little memory.",
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


@dataclasses.dataclass(frozen=True)
class TuningConfig(Config):
    """How a kernel for a shape is chosen; see `autotune`."""

    precision: Any = setting(
        None, _anything("a precision"), "Precision of the products, as in `jnp.dot`."
    )
    accuracy: str = setting(
        "fast", _name_in(ACCURACIES), "Accuracy of `matmul` for which the choice is made."
    )
    largest_error: float | None = setting(
        None,
        Check(lambda x: x is None or (is_number(x) and x >= 1), "None or a number of at least 1"),
        "Candidates whose error, measured on normal operands, is more than this many times that of "
        "`jnp.dot` are left out; Strassen's algorithm has about 2.",
    )
    tries: int = setting(
        6, integer(1), "Number of candidates that are timed, those of the least predicted time."
    )
    repeats: int = setting(5, integer(1), "Pairs of timings of each candidate.")
    seconds: float = setting(
        240.0, number(1), "Seconds that a calibration for all shapes may take, at most."
    )


def from_options(kind: type[Config], options: dict[str, Any]) -> Any:
    """Makes a configuration from keyword arguments; raises `ValueError` in one line."""
    known = [field.name for field in dataclasses.fields(kind)]
    for name in options:
        if name not in known:
            raise ValueError(f"{name}: no such option, expected some of {', '.join(known)}.")
    try:
        return kind(**options)
    except ConfigError as error:
        raise ValueError(f"{error.field}: {error.given!r}, expected {error.expected}.") from None
