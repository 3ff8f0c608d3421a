"""Checks algorithms for matrix multiplication in exact arithmetic, with Python alone.

    python -m experiments.factorizations convert factorizations/4x5x5_Z.npz 4x5x5.json
    python factorizations/verify.py 4x5x5.json

A file holds "n": the sizes [n, m, p]; "m": the number R of multiplications; "z2": whether it is mod
2; and "u", "v", "w": R rows each of n·m, m·p and p·n integers or texts such as "1/2". Product r is
(Σ u[r][i·m + j] a_ij) (Σ v[r][j·p + k] b_jk), and c_ik is the sum of w[r][k·n + i] times product r.
Expanding that must leave Σ_j a_ij b_jk in each c_ik, and nothing else.
"""

import collections
import fractions
import json
import sys


def check(path):
    with open(path) as file:
        data = json.load(file)
    (n, m, p), rank = data["n"], data["m"]
    for key, length in (("u", n * m), ("v", m * p), ("w", p * n)):
        if [len(row) for row in data[key]] != [length] * rank:
            raise ValueError(f"{key} is not {rank} rows of {length} numbers")
    terms = collections.defaultdict(int)
    for rows in zip(data["u"], data["v"], data["w"], strict=True):
        u, v, w = ([(i, exact(x)) for i, x in enumerate(row) if x not in (0, "0")] for row in rows)
        for a, x in u:
            for b, y in v:
                for c, z in w:
                    terms[a, b, c] += x * y * z
    for i in range(n):
        for j in range(m):
            for k in range(p):
                terms[i * m + j, j * p + k, k * n + i] -= 1
    if any(value % 2 if data["z2"] else value for value in terms.values()):
        raise ValueError("the products do not add up to the product of the matrices")
    return f"{n}x{m}x{p} in {rank} multiplications over {'Z2' if data['z2'] else 'Z or Q'}: exact"


def exact(x):
    if type(x) not in (int, str):
        raise ValueError(f"{x!r} is not an exact number")
    return x if type(x) is int else fractions.Fraction(x)


if __name__ == "__main__":
    failed = 0
    for name in sys.argv[1:]:
        try:
            print(f"{name}: {check(name)}")
        except (OSError, ValueError, KeyError, TypeError) as error:
            failed = 1
            print(f"{name}: WRONG: {error}")
    sys.exit(failed if sys.argv[1:] else "usage: python verify.py FILE.json ...")
