"""Exports as text and code: they run and multiply right."""

import re
import shutil
import subprocess
from fractions import Fraction

import numpy as np
import pytest
from algorithms import gaussian

from alphatensor import factorization as fz
from alphatensor import rings, targets

Z, Z2 = rings.Integers(), rings.IntegersMod(2)
STRASSEN = fz.strassen()
MIXED = fz.direct_sum(fz.kronecker(STRASSEN, fz.naive((1, 2, 1), Z)), fz.naive((2, 4, 1), Z))
RATIONAL = fz.sandwich(STRASSEN, [[1, 2], [0, 3]], [[1, 1], [0, 1]], np.eye(2, dtype=int))
WIDE = fz.naive((1, 2, 11), Z)
CONVOLUTION = fz.Factorization(
    targets.cyclic_convolution(2), Z, *[[[1, 1], [1, -1]]] * 2, np.array([[1, 1], [1, -1]]) / 2
)


def test_text_of_strassen():
    text = fz.to_text(STRASSEN)
    assert "m1 = (a11 + a22)(b11 + b22)\n" in text and "m6 = (-a11 + a21)(b11 + b12)\n" in text
    assert "c12 = m3 + m5\n" in text and "c22 = m1 - m2 + m3 + m6\n" in text
    assert "c12 &= m_{3}" not in text and r"c_{12} &= m_{3} + m_{5}" in fz.to_latex(STRASSEN)


@pytest.mark.parametrize("f", [STRASSEN, MIXED, RATIONAL, WIDE, fz.reduce_mod(MIXED, 3)])
def test_the_text_is_the_algorithm(f):
    """Evaluates the printed formulas, as exact arithmetic, on random matrices."""
    n, m, p = f.sizes
    rng = np.random.default_rng(0)
    a, b = rng.integers(-9, 9, (n, m)), rng.integers(-9, 9, (m, p))
    gap = "_" if max(f.sizes) > 9 else ""
    values = {f"a{i + 1}{gap}{j + 1}": int(a[i, j]) for i in range(n) for j in range(m)}
    values |= {f"b{j + 1}{gap}{k + 1}": int(b[j, k]) for j in range(m) for k in range(p)}
    for line in fz.to_text(f).splitlines()[1:]:
        name, formula = line.split(" = ")
        formula = re.sub(r"(\d+)/(\d+)", r"F(\1, \2)", formula.replace(")(", ") * ("))
        values[name] = eval(formula, {"F": Fraction}, values)
    c = [[f.ring.reduce(values[f"c{i + 1}{gap}{k + 1}"]) for k in range(p)] for i in range(n)]
    np.testing.assert_array_equal(c, f.ring.reduce(a @ b))


@pytest.mark.parametrize("f", [STRASSEN, MIXED, RATIONAL, fz.reduce_mod(STRASSEN, 2), CONVOLUTION])
@pytest.mark.parametrize("kind", ["numpy", "jax"])
def test_python_code_multiplies_blocks(f, kind):
    scope = {}
    exec(fz.export(f, kind), scope)
    rng = np.random.default_rng(0)
    if f.sizes is None:
        a, b = rng.integers(-9, 9, (2, 2)).astype(np.float32)
        expected = np.einsum("i,j,ijk->k", a, b, f.target.tensor)
    else:
        n, m, p = f.sizes
        a, b = rng.integers(0, 5, (2 * n, 3 * m)), rng.integers(0, 5, (3 * m, 2 * p))
        expected = f.ring.reduce(a @ b)
        if f is RATIONAL:
            a = a.astype(np.float32)
    np.testing.assert_allclose(scope["multiply"](a, b), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "f, kind, largest",
    [
        (MIXED, None, 6),
        (RATIONAL, "double", 6),
        (RATIONAL, "float", 6),
        (MIXED, "int32_t", 2**13),  # C is near 2^31, sums in between are beyond
        (MIXED, "int8_t", 5),
        (MIXED, "uint16_t", 120),
        (MIXED, "int64_t", 2**29),
        (fz.reduce_mod(MIXED, 2), None, 1),
        (fz.reduce_mod(MIXED, 46_337), "uint16_t", 46_336),
    ],
)
def test_c_code_compiles_and_multiplies(tmp_path, f, kind, largest):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler")
    n, m, p = f.sizes
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, largest + 1, (n, m)), rng.integers(0, largest + 1, (m, p))
    real = kind or ("int32_t" if f.ring.is_modular else "double")
    numbers = [", ".join(map(str, x.reshape(-1))) for x in (a, b)]
    main = f"""
#include <stdio.h>
int main(void) {{
  const {real} a[{n * m}] = {{{numbers[0]}}}, b[{m * p}] = {{{numbers[1]}}};
  {real} c[{n * p}];
  multiply(a, b, c);
  for (int i = 0; i < {n * p}; i++) printf("%.3f\\n", (double)c[i]);
}}
"""
    (tmp_path / "f.c").write_text(fz.to_c(f, kind) + main)
    sanitizer = [] if "int" not in real else ["-fsanitize=undefined", "-fno-sanitize-recover"]
    command = [compiler, "-std=c99", "-Wall", "-Werror", "-O0", "f.c", "-o", "f"]
    if subprocess.run([*command, *sanitizer], cwd=tmp_path, capture_output=True).returncode:
        subprocess.run(command, cwd=tmp_path, check=True)  # a compiler without the sanitizer
    output = subprocess.run([tmp_path / "f"], capture_output=True, text=True, check=True).stdout
    expected = f.ring.reduce(a @ b)
    np.testing.assert_allclose(np.array(output.split(), float).reshape(n, p), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "f, kind, message",
    [
        (RATIONAL, "int32_t", "type int32_t: 2x2x2 has fractions: expected double or float"),
        (MIXED, "int", "type 'int': expected one of double, float"),
        (gaussian(MIXED), "double", "has Gaussian coefficients"),
        (fz.reduce_mod(MIXED, 2), "double", "is mod 2, an integer type"),
        (fz.reduce_mod(MIXED, 46_337), "int16_t", "holds no residues mod 46337"),
    ],
)
def test_types_that_give_wrong_results_are_refused(f, kind, message):
    with pytest.raises(ValueError, match=message):
        fz.export(f, "c", kind)
    with pytest.raises(ValueError, match="only C has an element type"):
        fz.export(f, "text", kind)


def test_gaussian_coefficients_are_written():
    f = gaussian(STRASSEN)
    assert "((1+I)*a11 + (-1+I)*a22)" in fz.to_text(f) and r"\mathrm{i}" in fz.to_latex(f)
    scope = {}
    exec(fz.to_numpy(f), scope)
    a, b = np.arange(4.0).reshape(2, 2), np.arange(4.0).reshape(2, 2) - 1
    np.testing.assert_allclose(scope["multiply"](a, b), a @ b)


def test_unknown_languages_are_named():
    with pytest.raises(ValueError, match="format 'word': expected one of text, latex"):
        fz.export(STRASSEN, "word")
