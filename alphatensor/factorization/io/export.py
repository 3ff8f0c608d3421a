"""Factorizations as text in any of the languages."""

from collections.abc import Callable

from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io.c_code import to_c
from alphatensor.factorization.io.code import to_jax, to_latex, to_numpy, to_text

LANGUAGES: dict[str, Callable[..., str]] = {
    "text": to_text,
    "latex": to_latex,
    "numpy": to_numpy,
    "jax": to_jax,
    "c": to_c,
}


def export(f: Factorization, kind: str = "text", element_type: str | None = None) -> str:
    """Returns the text in one of `LANGUAGES`.

    Args:
      f: what to write.
      kind: the language.
      element_type: in C, the type of the entries, one of `c_code.TYPES`.

    Raises:
      ValueError: for another language, or a type that does not fit.
    """
    if kind not in LANGUAGES:
        raise ValueError(f"format {kind!r}: expected one of {', '.join(LANGUAGES)}.")
    if element_type is None:
        return LANGUAGES[kind](f)
    if kind != "c":
        raise ValueError(f"type {element_type!r}: only C has an element type, not {kind}.")
    return to_c(f, element_type)
