"""The formats of algorithms and libraries as rows for `fuzzing`, and plain arithmetic to judge."""

import io
import json
import os
import pathlib
import random
import re
import zipfile

import fuzzing
import numpy as np
from algorithms import gaussian

from alphatensor import factorization as fz
from alphatensor import rings, targets
from alphatensor.factorization import library
from alphatensor.factorization.library.recipes import Recipe

ERROR = fz.FileError
STRASSEN = fz.strassen()
RECTANGULAR = fz.direct_sum(STRASSEN, fz.naive((2, 2, 1), rings.Integers()))
HALVES = fz.sandwich(STRASSEN, [[1, 2], [0, 3]], np.eye(2, dtype=int), np.eye(2, dtype=int))
NAMES = [
    "4x4x4",
    "1x1x1",
    "2x2x2 ",
    "２x2x2",
    "skew2",
    "skew9999",
    "cyclic9999",
    "64x64x64",
    "x",
    "",
]
NUMBERS = [0, 1, -1, 2**31, 2**32 + 1, 2**63, 10**99, 10**400, 0.1, 1e308, float("nan"), True, None]
TEXTS = ["1", "1/2", "1/0", "9" * 150, "\x1b[2J", "a\nb", "[" * 5000, "٤", ""]


class Hostile:
    """Makes a file when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (fuzzing.CANARY,)


def check_claims(path: pathlib.Path) -> None:
    """Reads a file; asserts that only what plain arithmetic finds exact is called exact."""
    for f in fz.load(path):
        check = f.verify()
        assert check.message.isprintable(), check.message
        if not check.ok:
            assert ": exact." not in check.message
            continue
        title = check.message.split(" in rank ")[0]
        rank = int(re.search(r"in rank (\d+) ", check.message)[1])
        assert _is_exact(f, title) and rank == len(f.u[0]) == len(f.w[0]), check.message


def check_library(path: pathlib.Path) -> None:
    """Uses a library with a corrupted file; asserts that no false rank is said of it."""
    folder = path.parent
    library.ranks(folder)
    library.index(folder)
    f = library.best(folder, (2, 2, 2))
    assert f is None or (f.rank == 7 and _is_exact(f, "2x2x2"))
    assert library.verified_ranks(folder).get((2, 2, 2)) == (None if f is None else 7)
    config = library.RecombinationConfig(variants=0)
    _, made = library.planned(folder, rings.Integers(), (2, 2, 3), config)
    assert made.rank == (12 if f is None else 11) and _is_exact(made, "2x2x3")


def check_recipes(path: pathlib.Path) -> None:
    """Uses a library with corrupted recipes; asserts that each rank is reached, or not said."""
    folder = path.parent
    library.index(folder)
    for domain in ("Z", "Z2"):
        for sizes, rank in library.ranks(folder, domain).items():
            f = library.best(folder, sizes, domain)
            assert f is not None and f.rank <= rank, (sizes, rank)
            assert _is_exact(f, targets.format_name(sizes))
    for _, f in library.load(path):
        assert isinstance(f, ERROR | fz.Factorization)
    library.close(folder, rings.Integers(), report=lambda line: None)


def check_own_tensor(path: pathlib.Path) -> None:
    """Reads a tensor of one's own; asserts that it has small integers and a name of its own."""
    target = targets.parse(str(path))
    assert target.title.startswith("tensor-") and not target.is_known
    assert target.tensor.any() and abs(target.tensor.astype(object)).max() <= 1000


def _is_exact(f: fz.Factorization, title: str) -> bool:
    """Multiplies out with Python's numbers and compares with the tensor of the title."""
    u, v, w = (np.array(x.tolist(), object) for x in f.factors)
    if not f.is_real:
        terms = zip(u.T, v.T, w.T, strict=True)
        found = sum(np.multiply.outer(np.multiply.outer(a, b), c) for a, b, c in terms)
        return not np.any(found != _tensor(title))
    found = np.einsum("ir,jr,kr->ijk", u, v, w)
    wanted = _tensor(title)
    if wanted is None:
        assert title.startswith("tensor-"), title
        wanted = f.target.tensor.astype(object)
    modulus = f.ring.modulus
    return found.shape == wanted.shape and not np.any(
        (found - wanted) % modulus if modulus else found != wanted
    )


def _tensor(title: str) -> np.ndarray | None:
    """Returns the tensor that a title names, written down by definition; None for others."""
    if match := re.fullmatch(r"(\d+)x(\d+)x(\d+)", title):
        n, m, p = map(int, match.groups())
        tensor = np.zeros((n * m, m * p, p * n), object)
        for i, j, k in np.ndindex(n, m, p):
            tensor[i * m + j, j * p + k, k * n + i] = 1
        return tensor
    if match := re.fullmatch(r"cyclic(\d+)", title):
        n = int(match[1])
        tensor = np.zeros((n, n, n), object)
        for i, j in np.ndindex(n, n):
            tensor[i, j, (i + j) % n] = 1
        return tensor
    if match := re.fullmatch(r"skew(\d+)", title):
        n = int(match[1])
        tensor = np.zeros((n * (n - 1) // 2, n, n), object)
        pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
        for e, (i, j) in enumerate(pairs):
            tensor[e, j, i], tensor[e, i, j] = 1, -1
        return tensor
    return None


def spoil_archive(data: bytes, rng: random.Random) -> bytes:
    """Changes arrays of an archive, their headers, the bytes of a member, or how it is packed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        name = rng.choice(sorted(members))
        match rng.choice(["array", "array", "array", "header", "bytes", "swap", "drop", "new"]):
            case "array":
                members[name] = _npy(_other_array(name, members[name], rng))
            case "header":
                members[name] = _forged_header(members[name], rng)
            case "bytes":
                members[name] = fuzzing.corrupt(members[name], rng)
            case "swap":
                other = rng.choice(sorted(members))
                members[name], members[other] = members[other], members[name]
            case "drop" if len(members) > 1:
                del members[name]
            case "new":
                shape = rng.choice([(1, 1, 1), (4, 4, 4), (16, 16, 16)])
                value = rng.choice([1, 2**32 + 1, -(2**40)])
                new = rng.choice(["tensor", "u_denominator", "2,2,2", "20,20,20", "\x1b[2J"])
                members[f"{new}.npy"] = _npy(np.full(shape, value))
    result = io.BytesIO()
    method = rng.choice(
        [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]
    )
    with zipfile.ZipFile(result, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return result.getvalue()


def _other_array(name: str, content: bytes, rng: random.Random) -> np.ndarray:
    """Returns an array like one, with another name of a target, number, dtype or shape."""
    if name == "target.npy":
        return np.array(rng.choice(NAMES))
    if name in ("ring.npy", "provenance.npy") and rng.random() < 0.5:
        return np.array(rng.choice([[x] for x in TEXTS] + ["Z2", "Z" * 300, ["{}"] * 3]))
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
    except Exception:  # spoiled before
        array = np.zeros((3, 4, 7), np.int8)
    match rng.choice(["number", "dtype", "shape", "zeros", "pickle"]):
        case "number" if array.size and array.dtype.kind in "iuf":
            array = array.astype(object)
            array.flat[rng.randrange(array.size)] = rng.choice(NUMBERS)
            if not all(type(x) in (int, float, bool) and abs(x) < 2**63 for x in array.flat):
                return np.array([str(x) for x in array.flat]).reshape(array.shape)
            return np.array(array.tolist())
        case "dtype" if array.dtype.kind in "iuf":
            return array.astype(
                rng.choice(["f2", "f4", "f8", "u8", ">i4", "c8", "?", "S4", "U4", "M8[s]"])
            )
        case "shape":
            return array.reshape(rng.choice([(-1,), (1, -1), (*array.shape, 1), array.shape[::-1]]))
        case "zeros":
            return np.zeros(rng.choice([(0,), (1, 0, 4), (2000, 2000), (3, 9, 5000)]), np.int8)
        case "pickle":
            objects = np.empty(3, object)
            objects[:] = [
                rng.choice([Hostile(), print, 10**500, [[]] * 9, array]) for _ in range(3)
            ]
            return objects
    return array


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def _forged_header(content: bytes, rng: random.Random) -> bytes:
    """Returns an array whose header says something else than its data."""
    shape = rng.choice([(10**6, 10**6), (10**30, 0), (3,) * 40, (-1,), (2**25,), (96_000_000,)])
    kind = rng.choice(["|i1", "<i8", "<U1", "|O", "<U90000000", "|V8", "<f16"])
    header = rng.choice(
        [
            repr({"descr": kind, "fortran_order": False, "shape": shape}),
            "{" * 9000,
            "(" * 200 + ")" * 200,
            "{'descr': '<i8', 'fortran_order': False, 'shape': (1,",
            " " * 60_000,
            "{'descr': [('a', '<i8')], 'fortran_order': 0, 'shape': (1,)}",
        ]
    ).encode()
    return b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header + content[128:]


def spoil_json(data: bytes, rng: random.Random) -> bytes:
    """Replaces, deletes or exchanges values anywhere in JSON, and forges numbers in the text."""
    value = json.loads(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        node = value
        while True:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(node[key], dict | list) and rng.random() < 0.7:
                node = node[key]
                continue
            match rng.choice(["number", "text", "nest", "drop", "exchange", "less"]):
                case "number":
                    node[key] = rng.choice(NUMBERS)
                case "text":
                    node[key] = rng.choice(TEXTS + NAMES)
                case "nest":
                    node[key] = rng.choice([[], {}, [node[key]], [[1, 2]] * 3])
                case "drop":
                    del node[key]
                case "exchange":
                    other = rng.choice(keys)
                    node[key], node[other] = node[other], node[key]
                case "less" if isinstance(node[key], int):
                    node[key] -= 1
            break
    text = json.dumps(value)
    if rng.random() < 0.1:
        place = rng.randrange(len(text))
        text = text[:place] + rng.choice(["[" * 200_000, "9" * 5000, "1e999", '"']) + text[place:]
    return text.encode()


def spoil_sms(data: bytes, rng: random.Random) -> bytes:
    """Replaces words and lines of a sparse matrix."""
    lines = [line.split() for line in data.decode().splitlines()]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        line = rng.choice(lines[:1] + lines)
        if line:
            odd = [50, 1_000_000, 9_999_999, *TEXTS, *NUMBERS]
            line[rng.randrange(len(line))] = str(rng.choice(odd))
        if rng.random() < 0.2:
            lines.insert(rng.randrange(len(lines) + 1), list(rng.choice(lines)))
    return "\n".join(map(" ".join, lines)).encode()


def spoil_words(data: bytes, rng: random.Random) -> bytes:
    """Replaces, doubles, drops and exchanges numbers, names and signs anywhere in a text."""
    words = re.findall(r"[0-9]+|[A-Za-z_]+|[^0-9A-Za-z_]", data.decode())
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        place, other = rng.randrange(len(words)), rng.randrange(len(words))
        match rng.choice(["odd", "odd", "double", "drop", "exchange", "many"]):
            case "odd":
                odd = [
                    *TEXTS,
                    *NUMBERS,
                    *"()[]{},;:=*/+-I#",
                    "a1_1",
                    "i9",
                    "o9999999",
                    "\n",
                    "\n\n",
                ]
                words[place] = str(rng.choice(odd))
            case "double":
                words[place] *= rng.choice([2, 3, 100])
            case "drop":
                words[place] = ""
            case "exchange":
                words[place], words[other] = words[other], words[place]
            case "many" if rng.random() < 0.1:
                words[place] = rng.choice(["(", "[", "{", "-", "1 ", "1,", "t:=i0+i0;\n"]) * 100_000
    return "".join(words).encode()


def _spoil_npy(data: bytes, rng: random.Random) -> bytes:
    spoiled = _forged_header(data, rng) if rng.random() < 0.5 else None
    return spoiled or _npy(_other_array("u.npy", data, rng))


def _write_library(folder: pathlib.Path) -> None:
    library.add(folder, STRASSEN)
    library.add(folder, fz.naive((1, 1, 2), rings.Integers()))


def _write_recipes(folder: pathlib.Path) -> None:
    _write_library(folder)
    found = {
        "2x2x3_Z": Recipe("sum", ((2, 2, 2), (2, 2, 1)), "p"),
        "2x2x4_Z": Recipe("product", ((1, 1, 2), (2, 2, 2))),
        "2x2x4_Z2": Recipe("mod", ((2, 2, 4),)),
        "2x3x3_Z": Recipe("blocks", base=STRASSEN, split=((1, 1), (2, 1), (1, 2))),
        "1x2x3_Z": Recipe("drop", ((2, 2, 3),), "n"),
    }
    library.add_recipes(folder, found)


def _write_tensor(folder: pathlib.Path) -> None:
    np.save(folder / "my.npy", np.arange(8).reshape(2, 2, 2))


def _row(name: str, f: fz.Factorization, spoil) -> fuzzing.Format:
    return fuzzing.Format(
        name, lambda folder: fz.save(folder / name, f), check_claims, spoil, ERROR
    )


FORMATS = [
    _row("f.npz", RECTANGULAR, spoil_archive),
    _row("q.npz", HALVES, spoil_archive),
    _row("f.alphatensor.npz", RECTANGULAR, spoil_archive),
    _row("f.json", RECTANGULAR, spoil_json),
    _row("f_P.sms", RECTANGULAR, spoil_sms),
    _row("g.npz", gaussian(STRASSEN), spoil_archive),
    _row("f.uvw.npz", RECTANGULAR, spoil_archive),
    _row("g.uvw.npz", gaussian(STRASSEN), spoil_archive),
    _row("f.npy", STRASSEN, _spoil_npy),
    _row("objects.npy", RECTANGULAR, _spoil_npy),
    _row("f.reduced.json", RECTANGULAR, spoil_json),
    _row("f.txt", RECTANGULAR, spoil_words),
    _row("q.txt", HALVES, spoil_words),
    _row("f.exp", RECTANGULAR, spoil_words),
    _row("g.exp", gaussian(STRASSEN), spoil_words),
    _row("f.m", RECTANGULAR, spoil_words),
    _row("g.m", gaussian(STRASSEN), spoil_words),
    _row("q.mpl", HALVES, spoil_words),
    _row("f_R.slp", RECTANGULAR, spoil_words),
    fuzzing.Format("index.json", _write_library, check_library, spoil_json, ERROR),
    fuzzing.Format("2x2x2_Z.npz", _write_library, check_library, spoil_archive, ERROR),
    fuzzing.Format("recipes.json", _write_recipes, check_recipes, spoil_json, ERROR),
    fuzzing.Format("my.npy", _write_tensor, check_own_tensor, _forged_header, ERROR),
]
