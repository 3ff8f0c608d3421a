"""The tailoring command: runs go on, files are whole, mistakes are named."""

import json
import subprocess
import sys

from alphatensor import factorization as fz

STRASSEN = fz.strassen()


def run(output, *more):
    command = [sys.executable, "-m", "experiments.tailor", f"--output={output}", "--steps=5"]
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
