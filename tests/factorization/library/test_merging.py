"""Libraries of many machines made one."""

import threading

import pytest
from algorithms import STRASSEN, Z

from alphatensor import factorization as fz
from alphatensor.factorization import library


def sparse_and_dense():
    dense = fz.sandwich(STRASSEN, [[1, 1], [0, 1]], [[1, 0], [1, 1]], [[1, 2], [0, 1]])
    assert sum(dense.nonzeros) > sum(STRASSEN.nonzeros)
    return STRASSEN, dense


def test_the_best_of_each_format_is_kept_and_the_sources_stay(tmp_path):
    sparse, dense = sparse_and_dense()
    a, b, c = (tmp_path / x for x in "abc")
    library.add(a, dense)
    library.add(a, fz.naive((1, 2, 2), Z))
    library.add(b, sparse)
    library.add(b, fz.reduce_mod(STRASSEN, 2))
    library.add(c, fz.naive((2, 2, 2), Z))
    before = {p: p.read_bytes() for x in (a, b) for p in x.glob("*.npz")}
    taken = list(library.merge([a, b, c], c))
    assert [x.is_kept for x in taken] == [True, True, True, True]
    assert all(p.read_bytes() == data for p, data in before.items())
    assert library.verified_ranks(c) == {(1, 2, 2): 4, (2, 2, 2): 7}
    assert library.best(c, (2, 2, 2), "Z2").rank == 7
    assert library.best(c, (2, 2, 2)).nonzeros == sparse.nonzeros
    assert not any(x.is_kept for x in library.merge([a, b], c))  # once is enough


def test_what_is_not_exact_is_named_and_left_out(tmp_path):
    a, c = tmp_path / "a", tmp_path / "c"
    library.add(a, STRASSEN)
    fz.save(a / "1x1x1_Z.npz", fz.naive((1, 1, 1), Z).replace(u=[[2]]))
    (a / "2x2x3_Z.npz").write_bytes(b"PK half")
    taken = list(library.merge([a], c))
    assert [x.is_exact for x in taken] == [False, True, False]
    assert "1x1x1_Z.npz" in taken[0].message and sorted(x.name for x in c.glob("*.npz")) == [
        "2x2x2_Z.npz"
    ]
    with pytest.raises(fz.FileError, match="missing: no folder, expected a library"):
        list(library.merge([a, tmp_path / "missing"], c))


def test_merges_and_searches_may_write_at_once(tmp_path):
    """Two merges into one folder while others are added: the best of all is there at the end."""
    sources = []
    for k in range(3):
        for sizes in ((1, 1, k + 2), (1, 2, k + 2)):
            library.add(tmp_path / f"{k}", fz.naive(sizes, Z))
        sources.append(tmp_path / f"{k}")
    into = tmp_path / "all"
    work = [lambda: list(library.merge(sources, into)), lambda: library.add(into, STRASSEN)]
    threads = [threading.Thread(target=x) for x in (work[0], work[1], work[0])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ranks = library.verified_ranks(into)
    assert len(ranks) == 7 and ranks[2, 2, 2] == 7 and ranks[1, 2, 4] == 8
    assert library.ranks(into) == ranks
