"""The command over files and libraries of factorizations."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

from alphatensor import factorization as fz
from alphatensor.factorization.library import closing
from experiments import command, factorizations

ROOT = pathlib.Path(__file__).parents[2]
FOLDER = ROOT / "factorizations"
STRASSEN = fz.strassen()


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Runs a subcommand as the program does; returns the exit status, output and error lines."""
    monkeypatch.chdir(tmp_path)

    @flagsaver.flagsaver
    def run(*arguments):
        flags.FLAGS.set_gnu_getopt(True)
        rest = flags.FLAGS(["factorizations", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            command.call(factorizations.main, rest[1:], prefix="--")
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return exit_.value.code, captured.out, captured.err

    return run


def test_commands_work_together(run, tmp_path):
    fz.save("strassen.npz", STRASSEN)
    fz.save("mod2.npz", fz.reduce_mod(STRASSEN, 2))
    assert run("verify", "strassen.npz", "mod2.npz")[:2] == (
        0,
        "strassen.npz: 2x2x2 in rank 7 over Z: exact.\nmod2.npz: 2x2x2 in rank 7 over Z2: exact.\n",
    )
    status, out, _ = run("show", "strassen.npz", "--png=uvw.png")
    assert status == 0 and "m3 = (a11)(b12 - b22)" in out and os.path.getsize("uvw.png") > 1000
    assert run("convert", "strassen.npz", "out.json")[0] == 0
    assert json.loads(pathlib.Path("out.json").read_text())["m"] == 7
    assert "additions naive: 18" in run("costs", "out.json")[1]
    status, out, _ = run("lift", "mod2.npz", "lifted.npz")
    assert status == 0 and fz.load("lifted.npz")[0].verify().ok
    status, out, _ = run("compare", "strassen.npz", "lifted.npz")
    assert status == 0 and out.splitlines()[0].endswith("; equivalent.")
    fz.save("naive.exp", fz.naive((2, 2, 2), STRASSEN.ring))
    status, out, _ = run("compare", "strassen.npz", "naive.exp")
    assert status == 1 and len(out.splitlines()) == 1
    assert out.startswith("2x2x2: rank 7 against 8, non-zeros 36 against 24, additions 18 against")
    assert run("convert", "mod2.npz", "mod2.txt", "--ring=Z2")[0] == 0
    assert "exact mod 2: pass --ring=Z2" in run("verify", "mod2.txt")[1]
    assert "const int32_t *a" in run("show", "strassen.npz", "--format=c", "--type=int32_t")[1]
    assert "at least 1 inequivalent" in run("count", "strassen.npz", "lifted.npz")[1]
    assert "rank 7" in run("add", "strassen.npz", "--library=lib")[1]
    assert run("merge", "lib", "--into=lib2")[1].endswith(
        "lib2: 1 of 1 files taken; it holds the best of each format\n"
    )
    assert run("fill", "--max=3", "--library=lib", "--workers=1")[0] == 0
    status, out, _ = run("recombine", "3", "2", "4", "--library=lib", "--output=r.npz")
    assert status == 0 and fz.load("r.npz")[0].sizes == (3, 2, 4)
    status, out, _ = run("table", "--library=lib", "--max=3")
    assert status == 0 and re.search(r"2x3x3 +18 +15 +15", out)
    assert run("table", "--library=lib", "--output=t.md")[0] == 0
    assert pathlib.Path("t.md").read_text().startswith("| format")
    assert run("table", "--library=lib", "--output=t.png")[0] == 0
    assert run("reindex", "--library=lib")[0] == 0
    status, out, _ = run("aggregate", "--library=lib", "--max=4")
    assert status == 0 and "3x3x3_Z.npz: rank 23 (was " in out


def test_recipes_are_named_like_files(run, monkeypatch):
    monkeypatch.setattr(closing, "LARGEST_FILE", 3)
    fz.save("strassen.npz", STRASSEN)
    run("add", "strassen.npz", "--library=lib")
    status, out, _ = run("close", "--max=4", "--library=lib")
    assert status == 0 and out.endswith("lib: 10 formats over Z\n")
    assert not os.path.exists("lib/4x4x4_Z.npz")
    status, out, err = run("verify", "lib/4x4x4_Z.npz", "lib/recipes.json")
    assert status == 0 and "lib/4x4x4_Z: 4x4x4 in rank 49 over Z: exact." in out.splitlines()
    assert len(out.splitlines()) == 1 + 6
    assert "2x2x4, 14 multiplications" in run("show", "lib/2x2x4_Z.npz")[1]
    assert "multiplications: 14" in run("costs", "lib/2x2x4_Z.npz")[1]
    assert run("convert", "lib/2x2x4_Z.npz", "out.json")[0] == 0
    assert fz.load("out.json")[0].rank == 14
    status, out, _ = run("records", "--library=lib")
    assert status == 0 and "| 2x2x4 | Z | 14 | 14 | " in out
    assert run("records", "--library=lib", "--output=records.md")[0] == 0
    assert pathlib.Path("records.md").read_text() == out
    assert run("table", "--library=lib", "--max=4", "--output=t.csv")[0] == 0
    assert pathlib.Path("t.csv").read_text().startswith("format,naive,here Z2,here Z,")
    os.remove("lib/2x2x2_Z.npz")
    status, out, err = run("verify", "lib/recipes.json", "strassen.npz")
    assert status == 2 and "lib/recipes.json: 2x2x4_Z: part 2x2x2_Z: missing" in err
    assert "strassen.npz: 2x2x2 in rank 7 over Z: exact." in out


def test_mistakes_get_one_line_and_status(run):
    wrong = STRASSEN.replace(u=np.ones((4, 7), int))
    fz.save("wrong.npz", wrong)
    os.mkfifo("pipe.npz")
    fz.save("strassen.npz", STRASSEN)
    for arguments, expected, text in [
        (["verify", "wrong.npz"], 1, "not a factorisation: entry (0, 0, 0)"),
        (["show", "wrong.npz"], 1, "not a factorisation"),
        (["add", "wrong.npz"], 1, "not a factorisation"),
        (["compare", "wrong.npz", "strassen.npz"], 1, "not a factorisation"),
        (["verify", "missing.npz"], 2, "missing.npz: no such file"),
        (["convert", "strassen.npz", "out.doc"], 2, "unknown ending"),
        (["show", "strassen.npz", "--type=int32_t"], 2, "--type='int32_t': only C has"),
        (["show", "strassen.npz", "--format=c", "--type=int"], 2, "--type='int': expected one of"),
        (["merge", "nowhere", "--into=lib"], 2, "nowhere: no folder, expected a library"),
        (["merge", "."], 2, "--into: not given"),
        (["merge", ".", "--into="], 2, "--into=''"),
        (["convert", "strassen.npz"], 2, "convert: expected 2 arguments, got 1"),
        (["frob"], 2, "expected one of verify"),
        ([], 2, "got nothing"),
        (["show", "strassen.npz", "--format=word"], 2, "--format=word"),
        (["show", "strassen.npz", "--entry=3"], 2, "holds 1 factorisations"),
        (["recombine", "2", "2", "x"], 2, "three sizes"),
        (["recombine", "2", "2", "2", "--ring=Z4"], 2, "--ring=Z4"),
        (["recombine", "2", "2", "1000000"], 2, "three sizes from 1 to 32"),
        (["recombine", "²", "2", "2"], 2, "three sizes from 1 to 32, got ² 2 2"),
        (["recombine", "2", "2", "2", "--base=wrong.npz"], 2, "--base=wrong.npz: 2x2x2 in rank"),
        (["recombine", "2", "2", "2", "--output="], 2, "--output=''"),
        (["show", "strassen.npz", "--png="], 2, "--png=''"),
        (["table", "--library="], 2, "--library=''"),
        (["convert", "strassen.npz", ".npz"], 2, "no name of a file"),
        (["reindex", "--library=/nowhere"], 2, "/nowhere: cannot be opened"),
        (["verify", "pipe.npz"], 2, "pipe.npz: not a regular file"),
        (["verify", "a\x1b[2J\n.npz"], 2, "a\\x1b[2J\\n.npz: no such file"),
        (["fill", "--max=100"], 2, "--max=100"),
        (["fill", "--spread=0"], 2, "--spread=0: expected an integer from 1 to 64"),
        (["fill", "--largest_base=1"], 2, "--largest_base=1: expected an integer from 2 to 64"),
        (["close", "--max=0"], 2, "--max=0"),
        (["aggregate", "--max=2"], 2, "--max=2: expected an integer from 3 to 64"),
        (["records", "--library="], 2, "--library=''"),
        (["fill", "--variants=-1"], 2, "--variants=-1"),
        (["fill", "--bases=missing.npz"], 2, "missing.npz: no such file"),
    ]:
        status, out, err = run(*arguments)
        assert status == expected, (arguments, out, err)
        assert text in out + err and len(err.splitlines()) <= 1


def test_the_module_runs_as_a_program(tmp_path):
    shutil.copy(FOLDER / "2x2x2_Z.npz", tmp_path)
    program = [sys.executable, "-m", "experiments.factorizations"]
    help_ = subprocess.run([*program, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert help_.returncode == 0 and "Examples:" in help_.stdout and "--library" in help_.stdout
    assert "Limits of files" in help_.stdout and "1,000 members" in help_.stdout
    bad = subprocess.run([*program, "table", "--max=x"], cwd=ROOT, capture_output=True, text=True)
    assert bad.returncode == 2 and len(bad.stderr.splitlines()) == 1 and "--max" in bad.stderr


def test_the_index_is_not_believed_when_a_rank_is_said(run):
    fz.save("strassen.npz", STRASSEN)
    run("add", "strassen.npz", "--library=lib")
    index = pathlib.Path("lib/index.json")
    index.write_text(index.read_text().replace('"rank": 7', '"rank": 1'))
    status, out, _ = run("recombine", "2", "2", "4", "--library=lib")
    assert status == 0 and out.startswith("2x2x4 in rank 14:")


def test_every_subcommand_has_help_with_an_example():
    for name in factorizations.COMMANDS:
        text = command._help(factorizations, [name, "--help"])
        line, _, rest = text.partition("\n")
        assert line.startswith(f"  {name} ") and rest.count("experiments.factorizations " + name)
        others = set(factorizations.COMMANDS) - {name}
        examples = rest.partition("Flags:")[0]
        assert not any(f"factorizations {other} " in examples for other in others)
    assert command._help(factorizations, ["--help"]).startswith(factorizations.__doc__)
