"""Factorizations as readable text, LaTeX, and NumPy or JAX code."""

from collections.abc import Callable, Iterator
from fractions import Fraction

import numpy as np

from alphatensor import targets
from alphatensor.factorization import gaussian
from alphatensor.factorization.core import Factorization


def to_text(f: Factorization) -> str:
    """Returns a line for each product, `m1 = (a11 + a22)(b11 + b22)`, and each entry of C."""
    a, b, c = names(f)
    lines = [header(f)]
    for r, (left, right) in enumerate(operands(f, a, b)):
        lines.append(f"m{r + 1} = ({left})({right})")
    products = [f"m{r + 1}" for r in range(f.rank)]
    for k in output_order(f):
        lines.append(f"{c[k]} = {combination(f.w[k], products)}")
    return "\n".join(lines) + "\n"


def to_latex(f: Factorization) -> str:
    """Returns an `align*` environment with the products and the entries of C."""
    a, b, c = ([_latex_name(x) for x in group] for group in names(f))
    rows = []
    for r, (left, right) in enumerate(operands(f, a, b, _latex_number)):
        rows.append(f"m_{{{r + 1}}} &= ({left})({right})")
    products = [f"m_{{{r + 1}}}" for r in range(f.rank)]
    for k in output_order(f):
        rows.append(f"{c[k]} &= {combination(f.w[k], products, _latex_number)}")
    body = " \\\\\n".join(f"  {row}" for row in rows)
    return f"% {header(f)}\n\\begin{{align*}}\n{body}\n\\end{{align*}}\n"


def to_numpy(f: Factorization, module: str = "numpy", alias: str = "np") -> str:
    """Returns a Python module with one function `multiply(a, b)`.

    For a matrix product, `a` and `b` are two matrices whose sides n, m, p divide; the algorithm
    is applied once, to blocks. For any other target they are vectors of coefficients.
    """
    a, b, c = names(f)
    lines = [f'"""{header(f)}"""', "", f"import {module} as {alias}", "", "", "def multiply(a, b):"]
    if f.sizes:
        n, m, p = f.sizes
        lines += [
            f"    a = a.reshape({n}, a.shape[0] // {n}, {m}, a.shape[1] // {m})",
            f"    b = b.reshape({m}, b.shape[0] // {m}, {p}, b.shape[1] // {p})",
        ]
        lines += [f"    {x} = a[{k // m}, :, {k % m}, :]" for k, x in enumerate(a)]
        lines += [f"    {x} = b[{k // p}, :, {k % p}, :]" for k, x in enumerate(b)]
    else:
        lines += [f"    {x} = a[{k}]" for k, x in enumerate(a)]
        lines += [f"    {x} = b[{k}]" for k, x in enumerate(b)]
    operator = "@" if f.sizes else "*"
    for r, (left, right) in enumerate(operands(f, a, b, code_number)):
        lines.append(f"    m{r + 1} = ({left}) {operator} ({right})")
    products = [f"m{r + 1}" for r in range(f.rank)]
    for k in output_order(f):
        lines.append(f"    {c[k]} = {combination(f.w[k], products, code_number, zero='0 * m1')}")
    reduced = f" % {f.ring.modulus}" if f.ring.is_modular else ""
    if f.sizes:
        rows = [f"[{', '.join(c[k * n + i] for k in range(p))}]" for i in range(n)]
        lines.append(f"    return {alias}.block([{', '.join(rows)}]){reduced}")
    else:
        lines.append(f"    return {alias}.stack([{', '.join(c)}]){reduced}")
    return "\n".join(lines) + "\n"


def to_jax(f: Factorization) -> str:
    """Returns what `to_numpy` does, for `jax.numpy`; the function can be jitted."""
    return to_numpy(f, "jax.numpy", "jnp")


def header(f: Factorization) -> str:
    """Returns one line: the target, the ring and the number of multiplications."""
    arithmetic = f" mod {f.ring.modulus}" if f.ring.is_modular else ""
    return f"{f.target.title}, {f.rank} multiplications over {f.domain}{arithmetic}"


def output_order(f: Factorization) -> list[int]:
    """Returns the rows of w in the order in which C is written: row by row."""
    if f.sizes is None:
        return list(range(len(f.w)))
    n, _, p = f.sizes
    return [k * n + i for i in range(n) for k in range(p)]


def names(f: Factorization) -> tuple[list[str], list[str], list[str]]:
    """Returns the names of the entries of A, B and C (in w's order), from `a11` on.

    Of A Aᵀ the second factors have those of B, which stands for A.
    """
    product = targets.structure_of(f.target.name) if f.target.is_known else None
    if product is not None:
        gap = "" if product.n < 10 else "_"
        modes = zip("abc", product.positions(), strict=True)
        return tuple([f"{x}{i + 1}{gap}{j + 1}" for i, j in mode] for x, mode in modes)
    if f.sizes is None:
        sides = zip("abc", f.target.shape, strict=True)
        return tuple([f"{x}{i + 1}" for i in range(s)] for x, s in sides)
    n, m, p = f.sizes
    gap = "" if max(f.sizes) < 10 else "_"
    return (
        [f"a{i + 1}{gap}{j + 1}" for i in range(n) for j in range(m)],
        [f"b{j + 1}{gap}{k + 1}" for j in range(m) for k in range(p)],
        [f"c{i + 1}{gap}{k + 1}" for k in range(p) for i in range(n)],
    )


def combination(
    coefficients: np.ndarray, symbols: list[str], number: Callable | None = None, zero: str = "0"
) -> str:
    """Returns the sum of coefficient times symbol, without zeros: `a11 - 2*a12 + 1/2*a22`.

    Args:
      coefficients: numbers, one for each symbol.
      symbols: names.
      number: writes a positive coefficient and the sign of multiplication.
      zero: what stands for an empty sum.
    """
    number = number or (lambda x: f"{x}*")
    parts = []
    for x, symbol in zip(np.asarray(coefficients).tolist(), symbols, strict=True):
        if x == 0:
            continue
        if isinstance(x, gaussian.Gaussian):
            parts.append(("+", number(x) + symbol))
            continue
        factor = "" if abs(x) == 1 else number(abs(x))
        parts.append(("-" if x < 0 else "+", factor + symbol))
    if not parts:
        return zero
    sign, first = parts[0]
    return " ".join([("-" if sign == "-" else "") + first, *(f"{s} {t}" for s, t in parts[1:])])


def operands(
    f: Factorization, a: list[str], b: list[str], number: Callable | None = None
) -> Iterator[tuple[str, str]]:
    """Yields the sums of entries of A and of B that each product multiplies."""
    for u, v in zip(f.u.T, f.v.T, strict=True):
        yield combination(u, a, number), combination(v, b, number)


def code_number(x) -> str:
    """Returns a coefficient and the sign of multiplication, as Python and C read them."""
    if isinstance(x, gaussian.Gaussian):
        return f"complex({code_number(x.real)}1, {code_number(x.imag)}1) * "
    if isinstance(x, Fraction):
        return f"({x.numerator}.0 / {x.denominator}.0) * "
    return f"{x} * "


def _latex_number(x) -> str:
    if isinstance(x, gaussian.Gaussian):
        return f"{x} ".replace("*I", r"\mathrm{i}").replace("I", r"\mathrm{i}")
    if isinstance(x, Fraction):
        return f"\\tfrac{{{x.numerator}}}{{{x.denominator}}} "
    return f"{x} "


def _latex_name(name: str) -> str:
    letter, digits = name[0], name[1:]
    return f"{letter}_{{{digits.replace('_', ',')}}}"
