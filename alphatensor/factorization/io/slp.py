"""PLinOpt's straight-line programs: `_L.slp`, `_R.slp` and `_P.slp`, sums by shared steps.

    t0:=i2-i0;
    o1:=i3+t0;
    o4:=(o1-i1)/2;

Inputs are i0, i1, …, outputs o0, o1, …; every other name is a variable. L takes the entries of A to
the left factors, R those of B to the right ones, and P the products to C, row by row. The number of
additions is kept (`analysis.programs`). The ring is not said.
"""

import re

import numpy as np

from alphatensor import files, limits, rings
from alphatensor.factorization import transforms
from alphatensor.factorization.analysis import programs, straight_line
from alphatensor.factorization.analysis.programs import Program
from alphatensor.factorization.core import Factorization
from alphatensor.factorization.io import expressions, parsing
from alphatensor.files import FileError

_STATEMENT = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*:=([^;]*);?")
_INDEX = re.compile(r"[io][0-9]{1,6}")
_LETTERS = "LRP"


def parse(path: str, text: str, ring: rings.Ring) -> list[Factorization]:
    """Reads the three files of which `path` (`..._L.slp`, ...) is one."""
    names = parts(path)
    contents = [
        files.read_text(part, limits.MAX_TEXT_BYTES) if part != path else text for part in names
    ]
    expressions.check_size(path, sum(map(len, contents)))
    statements = sum(content.count(":=") for content in contents)
    if statements > limits.MAX_STATEMENTS:
        raise FileError(f"{path}: {statements} statements: at most {limits.MAX_STATEMENTS}.")
    left, right, post = map(_program, names, contents)
    rank = len(left.outputs)
    if len(right.outputs) != rank or post.inputs > rank:
        counts = f"{rank}, {len(right.outputs)}, {post.inputs}"
        raise FileError(f"{path}: L, R, P have {counts} products.")
    n, m, p = sizes = parsing.sizes_of(path, left.inputs, right.inputs, len(post.outputs))
    matrices = []
    for program in (left, right, post):
        try:
            matrices.append(parsing.compact(path, programs.matrix(program)))
        except ValueError as error:
            raise error if isinstance(error, FileError) else FileError(f"{path}: {error}") from None
    w = np.zeros((n * p, rank), matrices[2].dtype)
    w[:, : post.inputs] = transforms.transposed_rows(matrices[2], n, p)
    f = parsing.algorithm(path, "L, R, P", sizes, ring, (matrices[0].T, matrices[1].T, w))
    order = [i * p + k for k in range(p) for i in range(n)]
    wide = programs.widened(post, rank)
    turned = wide._replace(outputs=tuple(wide.outputs[k] for k in order))
    kept = programs.record((left, right, turned))
    return [f.replace(provenance={**f.provenance, "programs": kept})]


def texts_of(path: str, fs: list[Factorization]) -> dict[str, str]:
    """Returns the contents of the three files that hold one algorithm, by path.

    The steps are the ones that the algorithm keeps, or those that are found now.
    """
    f = fs[0]
    n, _, p = f.sizes
    left, right, post = straight_line.soon(f)
    order = [k * n + i for i in range(n) for k in range(p)]
    turned = post._replace(outputs=tuple(post.outputs[k] for k in order))
    texts = map(_text, (left, right, turned))
    return dict(zip(parts(path), texts, strict=True))


def parts(path: str, suffix: str = ".slp") -> list[str]:
    """Returns the paths of the three files of which `path` is one, L, R and P."""
    stem = re.sub(rf"_[LRP]\{suffix}$", "", path)
    if stem == path:
        names = ", ".join(f"_{letter}{suffix}" for letter in _LETTERS)
        raise FileError(f"{path}: expected a name that ends in one of {names}.")
    return [f"{stem}_{letter}{suffix}" for letter in _LETTERS]


def _text(program: Program) -> str:
    lines = []
    names = [f"i{k}" for k in range(program.inputs)]
    for s, (i, j, c) in enumerate(program.steps):
        sign, size = ("-", -c) if c < 0 else ("+", c)
        names.append(f"t{s}")
        lines.append(f"t{s}:={names[i]}{sign}{names[j]}{'' if size == 1 else f'*{size}'};")
    for k, (symbol, scale) in enumerate(program.outputs):
        if symbol < 0:
            value = "0"
        elif scale in (1, -1):
            value = ("-" if scale < 0 else "") + names[symbol]
        else:
            value = f"{names[symbol]}*{scale}" if scale > 0 else f"-{names[symbol]}*{-scale}"
        lines.append(f"o{k}:={value};")
    return "\n".join(lines) + "\n"


def _program(path: str, text: str) -> Program:
    """Reads one file; each statement is a shared sum, and the last of each output is a row."""
    statements = []
    for k, line in enumerate(parsing.lines(path, text)):
        if ":=" not in line:
            continue
        match = _STATEMENT.match(line)
        if match is None:
            raise FileError(f"{path}: line {k + 1}: expected a statement such as t0:=i2-i0;")
        statements.append((match[1], expressions.linear(match[2], f"{path}: line {k + 1}")))
    indices = [int(x[1:]) for _, form in statements for x in form if _is_index(x, "i")]
    if not indices:
        raise FileError(f"{path}: a program without inputs i0, i1, …")
    inputs = max(indices) + 1
    if inputs > limits.MAX_SIZE**2 * 8:
        raise FileError(f"{path}: {inputs} inputs: out of range.")
    places = {f"i{k}": k for k in range(inputs)}
    shared, rows = [], {}
    for name, form in statements:
        try:
            terms = [(places[x], c) for x, c in form.items() if x]
        except KeyError as error:
            raise FileError(f"{path}: {name}: {error!s:.40} has no value there.") from None
        if form.get("") or not all(isinstance(c, expressions.Real) for _, c in terms):
            raise FileError(f"{path}: {name}: expected a sum of real multiples of variables.")
        places[name] = inputs + len(shared)
        shared.append(terms)
        if _is_index(name, "o"):
            rows[int(name[1:])] = [(places[name], 1)]
    if not rows or sorted(rows) != list(range(len(rows))):
        raise FileError(f"{path}: expected outputs o0, o1, … without a gap.")
    try:
        return programs.build(inputs, shared, [rows[k] for k in range(len(rows))])
    except ValueError as error:
        raise FileError(f"{path}: {error}") from None


def _is_index(name: str, letter: str) -> bool:
    return name.startswith(letter) and _INDEX.fullmatch(name) is not None
