"""Wrong flags of every command get one line on standard error that names the flag, and status 2."""

import pathlib
import runpy
import subprocess
import sys

import jax
import pytest
from absl import flags
from wrong_flags import QUICK, ROWS, WITH_CONFIG

import benchmarking
import experiments
from alphatensor import factorization as fz
from experiments import command

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, str]:
    """Files and folders that the rows name."""
    folder = tmp_path_factory.mktemp("files")
    config = "from experiments.configs import quickstart\ndef get_config():\n  "
    whole = config + "c = quickstart.get_config().to_dict()\n  "
    end = "\n  import ml_collections\n  return ml_collections.ConfigDict(c)\n"
    texts = {
        "raises": config + "return 1 / 0\n",
        "exits": config + "raise SystemExit(0)\n",
        "empty": "",
        "number": config + "return 3\n",
        "extra": whole + "c['num_tokens'] = 3" + end,
        "section": whole + "c['train'] = 3" + end,
        "word": whole + "c['train']['games'] = 'many'" + end,
        "lacking": whole + "del c['train'], c['search']" + end,
    }
    found = {name: str(folder / f"{name}.py") for name in texts}
    for name, text in texts.items():
        pathlib.Path(found[name]).write_text(text)
    f = fz.strassen()
    algorithms = {
        "strassen": f,
        "mod2": fz.reduce_mod(f, 2),
        "inexact": f.replace(u=f.u[:, :5], v=f.v[:, :5], w=f.w[:, :5]),
        "other": fz.naive((1, 1, 2), f.ring),
    }
    for name, algorithm in algorithms.items():
        fz.save(folder / f"{name}.npz", algorithm)
        found[name] = str(folder / f"{name}.npz")
    found["other"] = found["other"].removesuffix(".npz")
    for name, stored in (("list", "[]"), ("curves", '{"target": "x", "ring": "Z", "seed": 0}')):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(stored)
        found[name] = str(folder / name)
    (folder / "curves/curves.csv").write_text("seconds,updates,rounds\n1,2,3\n1,x,3\n")
    (folder / "file").write_text("")
    return found | {"file": str(folder / "file")}


# Modules that define flags when a command imports them.
DEFINING = (
    (benchmarking, "matmul_speed"),
    (benchmarking, "budgeted"),
    (experiments, "library_commands"),
)


def start(name: str, arguments: list[str], monkeypatch) -> int:
    """Runs a command in this process as `python -m` does; returns its exit status."""
    monkeypatch.setattr(sys, "argv", [f"{name}.py", *arguments])
    monkeypatch.setattr(command, "keep_compiled_programs", lambda folder: None)
    for package, module in DEFINING:
        sys.modules.pop(f"{package.__name__}.{module}", None)
        vars(package).pop(module, None)
    sys.modules.pop("config_config", None)  # the file of configuration before this one
    of_others = taken_out()
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=False)
    except SystemExit as ended:
        return ended.code or 0
    finally:
        taken_out()
        for flag_name, flag in of_others.items():
            flags.FLAGS[flag_name] = flag
        flags.FLAGS(["tests"])
    return 0


def taken_out() -> dict[str, flags.Flag]:
    """Takes out of the process's flags all but those of absl itself, and returns them."""
    flags.FLAGS.unparse_flags()
    module_of = flags.FLAGS.find_module_defining_flag
    names = [x for x in flags.FLAGS if "absl" not in module_of(x, "") or x.startswith("config.")]
    found = {name: flags.FLAGS[name] for name in names}
    for name in found:
        delattr(flags.FLAGS, name)
    return found


def arguments_of(name: str, flags_: list[str], files: dict[str, str]) -> list[str]:
    """Returns the flags of a row with its files, and a configuration where they need one."""
    has_config = any(flag.startswith("--config=") for flag in flags_) or not flags_
    given = [] if has_config or name not in WITH_CONFIG else [f"--config={WITH_CONFIG[name]}"]
    return given + [flag.format(**files) for flag in flags_]


@pytest.mark.parametrize(
    ("name", "flags_", "words"), ROWS, ids=[f"{n} {' '.join(f)}" for n, f, _ in ROWS]
)
def test_a_mistake_gets_one_line(name, flags_, words, files, monkeypatch, capfd):
    monkeypatch.chdir(ROOT)
    if "run_cpu" not in name or jax.default_backend() == "cpu":
        status = start(name, arguments_of(name, flags_, files), monkeypatch)
        error = capfd.readouterr().err
        assert status == 2, error
        assert len(error.splitlines()) == 1 and "Traceback" not in error, error
        assert words in error


@pytest.mark.parametrize(
    ("name", "flags_", "words"),
    [
        ("experiments.train", [f"--config={QUICK}", "--config.output="], "--config.output=''"),
        ("benchmarking.scaling", ["--sides=4"], "--sides=4"),
        ("experiments.launch", [f"--config={QUICK}", "--devices=3"], "multiple of the 3 devices"),
    ],
)
def test_a_real_process_says_the_same(name, flags_, words):
    done = subprocess.run(
        [sys.executable, "-m", name, *flags_], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and words in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) == 1
