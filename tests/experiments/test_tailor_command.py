"""The tailoring command: runs go on, files are whole, mistakes are named."""

import json
import subprocess
import sys

from alphatensor import factorization as fz

STRASSEN = fz.strassen()


def run(output, *more):
    command = [sys.executable, "-m", "experiments.tailor", f"--output={output}", "--tries=5"]
    flags = ["--size=32", "--repeats=1", *more]
    return subprocess.run([*command, *flags], capture_output=True, text=True)


def test_runs_resume_and_save_the_best(tmp_path):
    fz.save(tmp_path / "f.npz", STRASSEN)
    source = f"--factorization={tmp_path}/f.npz"
    first = run(tmp_path / "out", source, "--candidates=1")
    assert first.returncode == 0, first.stderr
    kept = (tmp_path / "out.jsonl").read_text()
    second = run(tmp_path / "out", source, "--candidates=2")
    text = (tmp_path / "out.jsonl").read_text()
    assert second.stdout.startswith("1:") and text.startswith(kept)
    lines = [json.loads(x) for x in text.splitlines()]
    best = max(lines, key=lambda x: x["figures"]["ratio"])
    saved = fz.load(tmp_path / "out.npz")[0]
    assert saved.verify().ok and saved.provenance["measured"] == best
    other = run(tmp_path / "out", source, "--seed=1")
    assert other.returncode == 2 and "another seed" in other.stderr


def test_mistakes_get_one_line(tmp_path):
    missing = run(tmp_path / "out")
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    fz.save(tmp_path / "m.npz", fz.reduce_mod(STRASSEN, 2))
    modular = run(tmp_path / "out", f"--factorization={tmp_path}/m.npz")
    assert modular.returncode == 2 and "lift" in modular.stderr
    assert not list(tmp_path.glob("out*"))


def test_settings_out_of_range_get_one_line(tmp_path):
    fz.save(tmp_path / "f.npz", STRASSEN)
    source = f"--factorization={tmp_path}/f.npz"
    for flag, words in (
        ("--repeats=0", "--repeats=0: expected"),
        ("--dtype=int8", "'float64'"),
        ("--size=1", "--size=1: expected at least 2"),
    ):
        done = run(tmp_path / "out", source, flag)
        assert done.stderr.startswith(flag.split("=")[0])
        assert (done.returncode, done.stderr.count("\n")) == (2, 1) and words in done.stderr
