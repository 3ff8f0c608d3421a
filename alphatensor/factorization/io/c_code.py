"""Factorizations as C99 functions over a chosen element type."""

from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import code

# Element type → the unsigned type in which sums are formed; None for floating point.
TYPES = {
    "double": None,
    "float": None,
    "int8_t": "uint32_t",
    "int16_t": "uint32_t",
    "int32_t": "uint32_t",
    "int64_t": "uint64_t",
    "uint8_t": "uint32_t",
    "uint16_t": "uint32_t",
    "uint32_t": "uint32_t",
    "uint64_t": "uint64_t",
}


def to_c(f: Factorization, element_type: str | None = None, function: str = "multiply") -> str:
    """Returns a C99 function `void multiply(const T *a, const T *b, T *c)`.

    Matrices are row-major: a is n×m, b is m×p, c is n×p. Over the integers an integer type wraps
    around, so that the result is right wherever it fits, whatever the sums in between are. In a
    modular ring the entries are residues, and so are the results.

    Args:
      f: with integers for integer types, real for floating-point ones.
      element_type: T, one of `TYPES`; by default `double`, or `int32_t` in a modular ring.
      function: its name.

    Raises:
      ValueError: for another type, or one in which the algorithm cannot be computed.
    """
    modulus = f.ring.modulus
    kind = element_type or ("int32_t" if modulus else "double")
    _check(f, kind)
    wide = TYPES[kind]
    if modulus:
        wide = "int64_t"
    cast = f"({wide})" if wide else ""
    a, b, _ = code.names(f)
    left, right = ([f"{cast}{x}[{k}]" for k in range(len(y))] for x, y in (("a", a), ("b", b)))
    includes = ["#include <stdint.h>", ""] if wide else []
    lines = [
        f"/* {code.header(f)} */",
        *includes,
        f"void {function}(const {kind} *a, const {kind} *b, {kind} *c) {{",
    ]
    reduced = f" % {modulus}" if modulus else ""
    for r, (x, y) in enumerate(code.operands(f, left, right, code.code_number)):
        factors = f"(({x}){reduced}) * (({y}){reduced})" if modulus else f"({x}) * ({y})"
        lines.append(f"  const {wide or kind} m{r + 1} = {factors}{reduced};")
    products = [f"m{r + 1}" for r in range(f.rank)]
    for place, k in enumerate(code.output_order(f)):
        value = code.combination(f.w[k], products, code.code_number)
        if wide:
            value = f"({kind})(({value}){reduced})"
        lines.append(f"  c[{place}] = {value};")
    return "\n".join([*lines, "}"]) + "\n"


def _check(f: Factorization, kind: str) -> None:
    """Refuses a type in which the algorithm gives wrong results."""
    if kind not in TYPES:
        raise ValueError(f"type {kind!r}: expected one of {', '.join(TYPES)}.")
    is_float = TYPES[kind] is None
    if not f.is_real:
        raise ValueError(f"type {kind}: {f.target.title} has Gaussian coefficients.")
    if is_float and f.ring.is_modular:
        raise ValueError(f"type {kind}: {f.target.title} is mod {f.ring.modulus}, an integer type.")
    if not is_float and not f.is_integral:
        raise ValueError(f"type {kind}: {f.target.title} has fractions: expected double or float.")
    bits = int(kind.strip("uint_")) if not is_float else 0
    if f.ring.is_modular and f.ring.modulus > 2 ** (bits - (kind[0] == "i")):
        raise ValueError(f"type {kind}: holds no residues mod {f.ring.modulus}.")
    if not is_float and f.largest_coefficient >= 2**31:
        raise ValueError(f"type {kind}: coefficients from 2^31 on: expected double.")
