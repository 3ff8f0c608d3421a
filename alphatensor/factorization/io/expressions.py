"""Sums and products of exact numbers and names, as computer algebra systems write them.

    a11 - 2*b12/3        (1/2 + I/2)*a11        -3*(a21 - a22)

`I` is the imaginary unit. Anything else than sums, products and quotients is refused; nothing is
evaluated by Python.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

from alphatensor import limits
from alphatensor.factorization import gaussian
from alphatensor.files import FileError

Real = int | Fraction
Number = Real | gaussian.Gaussian
Form = dict[str, Number]  # name → coefficient; a constant has the name ''

_MAX_DEPTH = 30  # of parentheses
_TOO_LARGE = 10**limits.MAX_DIGITS
_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]*)?)|(?P<name>[A-Za-z][A-Za-z0-9_]*(?:\[[0-9, ]+\])?)"
    r"|(?P<sign>[-+*/()])|(?P<other>\S))"
)


def check_size(path: str, size: int) -> None:
    """Raises `FileError` where texts of `size` characters together would take too long to read."""
    if size > limits.MAX_SYMBOLIC_BYTES:
        raise FileError(
            f"{path}: {size:,} characters of sums and products: at most "
            f"{limits.MAX_SYMBOLIC_BYTES:,}."
        )


def linear(text: str, where: str) -> Form:
    """Reads a sum of multiples of names and of constants; `where` begins errors (`FileError`)."""
    parser = _Parser(text, where)
    form = parser.sum(0)
    parser.end()
    return form


def constant(text: str, where: str) -> Number:
    """Reads an exact number such as `-3/2` or `1/2 + I/2`."""
    form = linear(text, where)
    if form.keys() - {""}:
        raise FileError(f"{where} is {text!r:.40}: expected a number.")
    return form.get("", 0)


def product(text: str, where: str) -> tuple[Number, list[Form]]:
    """Reads a product of sums, as a number and the sums that hold names."""
    parser = _Parser(text, where)
    scale, forms = parser.product(0)
    parser.end()
    return scale, forms


class _Parser:
    """Reads one expression from the left."""

    def __init__(self, text: str, where: str):
        self.where, self.tokens = where, self._tokens(text)
        self.kind, self.token = next(self.tokens)

    def _tokens(self, text: str) -> Iterator[tuple[str, str]]:
        for match in _TOKEN.finditer(text.rstrip()):
            kind = match.lastgroup
            if kind == "other":
                raise FileError(f"{self.where}: {match[kind]!r}: expected a sum or a product.")
            yield kind, match[kind]
        while True:
            yield "end", "the end"

    def _next(self) -> tuple[str, str]:
        given = self.kind, self.token
        self.kind, self.token = next(self.tokens)
        return given

    def end(self) -> None:
        if self.kind != "end":
            raise self._unexpected(self.token)

    def _unexpected(self, token: str) -> FileError:
        return FileError(f"{self.where}: {token!r:.40} is not expected there.")

    def sum(self, depth: int) -> Form:
        total: Form = {}
        sign = self._sign() if self.token in ("-", "+") else 1
        while True:
            scale, forms = self.product(depth)
            if len(forms) > 1:
                raise FileError(f"{self.where}: a product of names inside of a sum.")
            for name, x in (forms[0] if forms else {"": 1}).items():
                value = total.get(name, 0) + self._checked(sign * scale * x)
                total[name] = self._checked(value)
            if self.token not in ("-", "+"):
                return {name: x for name, x in total.items() if x != 0 or name}
            sign = self._sign()

    def _sign(self) -> int:
        return -1 if self._next()[1] == "-" else 1

    def product(self, depth: int) -> tuple[Number, list[Form]]:
        scale: Number = 1
        forms: list[Form] = []
        operator = "*"
        while True:
            form = self._factor(depth)
            if form.keys() - {""}:
                if operator == "/":
                    raise FileError(f"{self.where}: a name below a fraction.")
                forms.append(form)
            else:
                scale = self._checked(self._times(scale, form.get("", 0), operator))
            if self.token not in ("*", "/"):
                return scale, forms
            operator = self._next()[1]

    def _times(self, x: Number, y: Number, operator: str) -> Number:
        if operator == "*":
            return x * y
        if y == 0 or isinstance(y, gaussian.Gaussian):
            raise FileError(f"{self.where}: division by {y}: expected a simple fraction.")
        return x * Fraction(1, 1) * (1 / Fraction(y))

    def _factor(self, depth: int) -> Form:
        sign = 1
        while self.token in ("-", "+"):
            sign *= self._sign()
        form = self._atom(depth)
        return form if sign == 1 else {name: -x for name, x in form.items()}

    def _atom(self, depth: int) -> Form:
        kind, token = self._next()
        if kind == "number":
            if len(token) > limits.MAX_DIGITS:
                raise FileError(f"{self.where}: a number of more than {limits.MAX_DIGITS} digits.")
            return {"": gaussian.simplified(Fraction(token))}
        if token == "I":
            return {"": gaussian.Gaussian(0, 1)}
        if kind == "name":
            return {token: 1}
        if token == "(" and depth < _MAX_DEPTH:
            form = self.sum(depth + 1)
            if self._next()[1] != ")":
                raise FileError(f"{self.where}: a parenthesis is not closed.")
            return form
        raise self._unexpected(token)

    def _checked(self, x: Number) -> Number:
        parts = (gaussian.real(x), gaussian.imag(x))
        if any(abs(y.numerator) >= _TOO_LARGE or y.denominator >= _TOO_LARGE for y in parts):
            raise FileError(f"{self.where}: a number of more than {limits.MAX_DIGITS} digits.")
        return x if isinstance(x, gaussian.Gaussian) else gaussian.simplified(x)
