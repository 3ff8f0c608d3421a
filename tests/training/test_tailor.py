"""Tailoring as a library: candidates are equivalents, wrong kernels are refused, runs go on."""

import json

import pytest

from alphatensor import factorization as fz
from alphatensor.training import tailor
from alphatensor.training.tailor_config import TailorConfig

STRASSEN = fz.strassen()
TINY = TailorConfig(size=8, repeats=1, steps=5, candidates=2)


@pytest.mark.parametrize("number", range(4))
def test_candidates_verify_and_repeat(number):
    f, schedule = tailor.draw(STRASSEN, number, 20, 3)
    again, same = tailor.draw(STRASSEN, number, 20, 3)
    assert f.verify().ok and f.rank == 7 and f.sizes == (2, 2, 2)
    assert schedule == same and (f.u == again.u).all() and (f.w == again.w).all()


def test_factors_that_do_not_verify_are_not_timed():
    wrong = fz.from_arrays((2, 2, 2), STRASSEN.ring, STRASSEN.u, STRASSEN.v, 2 * STRASSEN.w)
    with pytest.raises(ValueError, match="^factorization: "):
        tailor.measure(tailor.TailorCandidate(wrong, "unrolled"), TINY)


def test_kernels_with_wrong_results_are_not_timed(monkeypatch):
    def compile_wrongly(f, **options):
        return lambda a, b: 2 * (a @ b)

    monkeypatch.setattr(tailor, "compile_matmul", compile_wrongly)
    expected = r"^unrolled: differs from jnp\.dot by 1\.0e\+00; not timed\.$"
    with pytest.raises(RuntimeError, match=expected):
        tailor.measure(tailor.TailorCandidate(STRASSEN, "unrolled"), TINY)


def test_a_search_needs_no_files():
    found = list(tailor.search(STRASSEN, TINY))
    assert [x.number for x in found] == [0, 1] and found[0].candidate.schedule == "unrolled"
    assert all(x.figures["ratio"] > 0 and x.figures["difference"] < 1e-4 for x in found)
    assert [x.number for x in tailor.search(STRASSEN, TINY, first=1)] == [1]


def test_a_run_goes_on_and_refuses_other_settings(tmp_path):
    one = list(tailor.run(STRASSEN, TINY.replace(candidates=1), tmp_path / "a/out", "strassen"))
    two = list(tailor.run(STRASSEN, TINY, tmp_path / "a/out", "strassen"))
    assert [x.number for x in one + two] == [0, 1]
    lines = [json.loads(x) for x in (tmp_path / "a/out.jsonl").read_text().splitlines()]
    assert [x["number"] for x in lines] == [0, 1]
    assert lines[0]["settings"]["factorization"] == "strassen"
    with pytest.raises(ValueError, match="another seed"):
        list(tailor.run(STRASSEN, TINY.replace(seed=1), tmp_path / "a/out", "strassen"))
    (tmp_path / "a/out.jsonl").write_text("[]\n")
    with pytest.raises(ValueError, match="holds no measurements"):
        list(tailor.run(STRASSEN, TINY, tmp_path / "a/out", "strassen"))


def test_what_cannot_be_timed_is_refused():
    for f, config, words in (
        (STRASSEN, TINY.replace(size=1), "at least 2"),
        (fz.reduce_mod(STRASSEN, 2), TINY, "lift"),
    ):
        with pytest.raises(ValueError, match=words):
            list(tailor.search(f, config))
