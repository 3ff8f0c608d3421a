"""Wrong flags of every command get one line on standard error that names the flag, and status 2."""

import pathlib
import runpy
import subprocess
import sys

import jax
import pytest
from absl import flags

import benchmarking
import experiments
from alphatensor import factorization as fz
from experiments import command

ROOT = pathlib.Path(__file__).parents[2]
QUICK, FLIP = "experiments/configs/quickstart.py", "experiments/configs/flip_small.py"
HUGE = 10**30

# What stands for a file is made by `files`; each row is a command, its flags, words of the line.
TRAIN = [
    ([], "--config: not given"),
    (["--config=nowhere.py"], "nowhere.py"),
    (["--config=slowstart"], "get_config(), or one of attentive, flip_small, flip_struct"),
    (["--config={raises}"], "ZeroDivisionError"),
    (["--config={exits}"], "SystemExit"),
    (["--config={empty}"], "get_config"),
    (["--config={number}"], "get_config"),
    (["--config={extra}"], "--config.num_tokens=3: expected no such field"),
    (["--config={section}"], "--config.train=3: expected a section"),
    (["--config={word}"], "--config.train.games='many'"),
    (["--config={lacking}", "--config.nothing=1"], "nothing"),
    (["--frobnicate"], "frobnicate"),
    (["extra"], "expected flags only"),
    (["--resume=perhaps"], "--resume"),
    (["--num_processes=0"], "--num_processes=0: expected at least 1"),
    (["--num_processes=2"], "--coordinator"),
    (["--process_id=5"], "--process_id=5"),
    (["--process_id=-1"], "--process_id=-1"),
    (["--coordinator=somewhere"], "host:port"),
    (["--coordinator=localhost:99999", "--num_processes=2"], "host:port"),
    (["--coordinator=localhost:1", "--num_processes=2", "--process_id=2"], "0 to 1"),
    (["--connect_timeout=0"], "--connect_timeout=0"),
    (["--config.nothing=1"], "nothing"),
    (["--config.target=2x2"], "--config.target"),
    (["--config.target="], "--config.target"),
    (["--config.output="], "--config.output='': expected the path"),
    (["--config.output=/proc/runs"], "--config.output"),
    (["--config.output={file}"], "--config.output"),
    ([f"--config.seed={2**64}"], "--config.seed"),
    (["--config.seed=-1"], "--config.seed=-1"),
    (["--config.learner.learning_rate=inf"], "--config.learner.learning_rate=inf"),
    (["--config.train.flip_seconds=inf"], "--config.train.flip_seconds=inf"),
    (["--config.train.max_seconds=nan"], "--config.train.max_seconds=nan"),
    (["--config.checkpoint.minutes=-1.0"], "--config.checkpoint.minutes=-1.0"),
    (["--config.train.games=many"], "--config.train.games"),
    (["--config.train.games=0"], "--config.train.games=0"),
    (["--config.train.reanalysed=10000"], "--config.train.reanalysed=10000"),
    ([f"--config.search.root_samples={HUGE}"], "--config.search.root_samples"),
    (["--config.search.root_samples=1"], "--config.search.root_samples=1"),
    (["--config.learner.unsolved_policy=none"], "--config.learner.unsolved_policy='none'"),
    ([f"--config.train.game_buffer={2**31 - 1}"], "--config.train.game_buffer"),
    ([f"--config.search.simulations={HUGE}"], "--config.search.simulations"),
    (["--config.search.simulations=2000000000"], "GiB would be needed"),
    ([f"--config.search.visits_reference={HUGE}"], "--config.search.visits_reference"),
    ([f"--config.bases.num_bases={HUGE}"], "--config.bases.num_bases"),
    (["--config.bases.signed_permutations=2147483647"], "--config.bases.signed_permutations"),
    (["--config.network.torso_blocks=2147483647"], "--config.network.torso_blocks"),
    (["--config.learner.batch_size=2147483646"], "--config.learner.batch_size"),
    (["--config.mesh.data=3"], "--config.mesh"),
    (["--config.mesh.model=5"], "--config.mesh"),
    (["--config.train.best_games_from=nowhere"], "--config.train.best_games_from"),
]
SEARCH = [
    ([], "--config: not given"),
    (["--config.formats=2x2"], "--config.formats='2x2'"),
    (["--config.formats=2x16x17"], "at most 256 entries"),
    (["--config.formats=skew3"], "formats such as"),
    (["--config.formats=3x3x3..2x2x2"], "--config.formats='3x3x3..2x2x2'"),
    (["--config.search.order=ranks"], "one of 'turns', 'gaps'"),
    (["--config.formats="], "--config.formats=''"),
    (["--config.targets=ug"], "--config.targets"),
    (["--config.targets=gg4"], "expected '4x4x4', which means the same"),
    (["--config.targets=ug2,"], "--config.targets"),
    (["--config.targets=ug17"], "at most 256 entries a mode"),
    (["--config.seconds=0"], "--config.seconds=0"),
    (["--config.seconds=inf"], "--config.seconds=inf"),
    (["--config.library=/proc/library"], "--config.library='/proc/library'"),
    (["--config.library="], "--config.library=''"),
    (["--config.search.walkers=0"], "--config.search.walkers=0"),
    (["--config.search.walkers=2147483647"], "--config.search.walkers"),
    (["--config.search.margin=2147483647"], "--config.search.margin"),
    (["--config.search.seed=-1"], "--config.search.seed=-1"),
    ([f"--config.search.seed={2**64}"], "--config.search.seed"),
    (["--config.search.slice_seconds=nan"], "--config.search.slice_seconds=nan"),
    (["--config.search.ring=Z3"], "one of 'Z', 'Z2'"),
    (["--config.search.turns=('naive',)"], "some of 'descent'"),
    (["--config.search.symmetries=('mirror',)"], "some of 'reversal', 'rotation'"),
]
REFINE = [
    ([], "--factorization: not given"),
    (["--factorization="], "--factorization=''"),
    (["--factorization=missing.npz"], "missing.npz"),
    (["--factorization={mod2}"], "integer factors"),
    (["--factorization={inexact}"], "not a factorisation"),
    (["--factorization={strassen}", "--output={other}"], "another format"),
    (["--factorization={strassen}", "--output="], "--output=''"),
    (["--factorization={strassen}", "--seconds=inf"], "--seconds=inf"),
    (["--factorization={strassen}", "--seconds=nan"], "--seconds=nan"),
    (["--factorization={strassen}", "--seconds=0"], "--seconds=0"),
    (["--factorization={strassen}", "--walkers=0"], "--walkers=0"),
    (["--factorization={strassen}", "--seed=-1"], "--seed=-1"),
    (["--factorization={strassen}", f"--seed={2**64}"], "--seed"),
]
TAILOR = [
    ([], "--factorization: not given"),
    (["--factorization={mod2}"], "lift"),
    (["--factorization={inexact}"], "not a factorisation"),
    (["--factorization={strassen}", "--output="], "--output=''"),
    (["--factorization={strassen}", "--repeats=0"], "--repeats=0"),
    (["--factorization={strassen}", "--dtype=int8"], "'float64'"),
    (["--factorization={strassen}", "--size=1"], "--size=1: expected at least 2"),
    (["--factorization={strassen}", "--size=2147483647"], "GiB"),
    (["--factorization={strassen}", f"--seed={2**64}"], "--seed"),
]
PLAN = [
    (["--mesh=0"], "--mesh='0'"),
    (["--mesh=tpu"], "32x2"),
    (["--mesh=99999999"], "--mesh"),
    (["--chip=v99"], "h200"),
    (["--utilisation=nan"], "--utilisation=nan"),
    (["--utilisation=0"], "--utilisation=0"),
    (["--updates=-5"], "--updates=-5"),
]
STATUS = [
    (["--run="], "--run=''"),
    (["--run=nowhere"], "--run='nowhere'"),
    (["--run={list}"], "expected the folder of a run"),
    (["--run={curves}"], "curves.csv"),
    (["--run={curves}", "--diagnose", "--positions=0"], "--positions=0"),
]
FACTORIZATIONS = [
    ([], "got nothing"),
    (["frob"], "expected one of verify"),
    (["verify", "missing.npz"], "missing.npz: no such file"),
    (["table", "--max=x"], "--max"),
    (["table", "--max=0"], "--max=0"),
    (["fill", "--workers=-1"], "--workers=-1"),
    (["show", "{strassen}", "--entry=-1"], "entry -1"),
]
BENCHMARKS = {
    "benchmarking.flip_rate": [
        (["--walkers=0"], "--walkers=0"),
        (["--walkers=x"], "--walkers='x'"),
        (["--devices="], "--devices="),
        (["--words=9"], "--words=9"),
        (["--walkers=3", "--devices=2"], "--walkers=3: expected a multiple of --devices=2"),
        (["--formats=2x2"], "--formats=2x2"),
        (["--formats=11x11x11"], "--formats=11x11x11"),
        (["--seconds=nan"], "--seconds=nan"),
        (["--warmup=inf"], "--warmup=inf"),
        (["--output="], "--output=''"),
        (["--output=/proc/none/rate"], "--output='/proc/none/rate'"),
    ],
    "benchmarking.agent_throughput": [
        (["--sides=5"], "--sides='5'"),
        (["--networks=large"], "--networks='large'"),
        (["--output="], "--output=''"),
    ],
    "benchmarking.learning_speed": [
        ([], "--config: not given"),
        (["--config=quickstart", "--marks=0"], "--marks"),
        (["--config=quickstart", "--config.learner.average=1.0"], "--config.learner.average=1.0"),
        (["--config=quickstart", "--output="], "--output=''"),
        (["--config=neighbourhood"], "--config.neighbourhood.walks: expected 0"),
    ],
    "benchmarking.accuracy": [
        (["--levels=0"], "--levels=0"),
        (["--formats=7"], "--formats"),
        (["--formats=17x17x17"], "17x17x17"),
        (["--size=0"], "--size=0"),
        (["--scalings=all"], "--scalings='all'"),
        (["--output="], "--output=''"),
    ],
    "benchmarking.additions": [
        (["--tries=-1"], "--tries=-1"),
        (["--trials=0"], "--trials=0"),
        (["--seed=-1"], "--seed=-1"),
        (["--formats="], "--formats="),
        (["--output="], "--output=''"),
    ],
    "benchmarking.factorization_ops": [
        (["--only=nothing"], "--only=nothing"),
        (["--file_size=0"], "--file_size=0"),
        (["--workers=65"], "--workers=65"),
        (["--output="], "--output=''"),
    ],
    "benchmarking.scaling": [
        (["--sides=4"], "--sides=4"),
        (["--sides=4,5"], "--sides=4,5"),
        (["--simulations=25,x"], "--simulations='x'"),
        (["--simulations=25"], "at least two"),
        (["--games=0"], "--games=0"),
        (["--output="], "--output=''"),
    ],
    "benchmarking.run_cpu_benchmark": [
        (["--sizes=0"], "--sizes=0"),
        (["--sizes=1000000"], "GiB are needed"),
        (["--factorizations={mod2}"], "lift it first"),
        (["--precisions=int8"], "--precisions='int8'"),
        (["--algorithms=fast"], "--algorithms='fast'"),
        (["--schedule=slow"], "--schedule='slow'"),
        (["--levels=0"], "--levels=0"),
        (["--repeats=0"], "--repeats=0"),
        (["--minutes=nan"], "--minutes=nan"),
        (["--factorizations=missing.npz"], "missing.npz"),
        (["--output="], "--output=''"),
    ],
    "benchmarking.run_gpu_benchmark": [
        ([], "needs a gpu"),
        (["--parts=all"], "--parts='all'"),
        (["--minutes=-1"], "--minutes=-1"),
        (["--minutes=1", "--output=/proc/none"], "--output='/proc/none'"),
    ],
    "benchmarking.run_tpu_benchmark": [([], "needs a tpu")],
    "benchmarking.any_shape": [
        (["--shapes=0"], "--shapes=0"),
        (["--least=0"], "--least=0"),
        (["--most=32"], "--most=32"),
        (["--seed=-1"], "--seed=-1"),
        (["--minutes=0"], "--minutes=0"),
        (["--calibration_seconds=-1"], "--calibration_seconds=-1"),
        (["--calibration_seconds=1"], "seconds: 1, too short to calibrate"),
        (["--repeats=0"], "--repeats=0"),
        (["--output="], "--output=''"),
    ],
}
PLAY = [
    (["--run={list}"], "expected the folder of a run"),
    (["--run=/nowhere"], "--run=/nowhere: expected the folder of a run"),
    (["--run="], "--run=''"),
    (["--games=0"], "--games=0"),
    (["--simulations=-1"], "--simulations=-1"),
    (["--bases=odd"], "--bases='odd'"),
    (["--seed=-1"], "--seed=-1"),
]
DEMONSTRATE = [
    (["--count=0"], "--count=0"),
    (["--seed=-1"], "--seed=-1"),
    (["--output="], "--output=''"),
    (["--run=/nowhere"], "--run=/nowhere: expected the folder of a run"),
]
ABLATION = [
    (["--seeds="], "--seeds="),
    (["--seeds=a"], "--seeds='a'"),
    (["--rounds=0"], "--rounds=0"),
    (["--variants=no_torso"], "--variants=('no_torso',)"),
    (["--output="], "--output=''"),
    (["--output={file}"], "output"),
    (["--config.target=2x2x2,2x2x3", "--config.train.goal=7,11"], "expected one target"),
    (["--config.network.value=mean"], "--config.network.value='mean'"),
    (["--config.search.value_baseline=bound"], "--config.search.value_baseline='bound'"),
]
LAUNCH = [
    ([], "--config: not given"),
    (["--config=nowhere.py"], "nowhere.py"),
    (["--processes=0"], "--processes=0: expected an integer from 1 to 4096"),
    (["--devices=0"], "--devices=0: expected an integer from 1"),
    (["--processes=4096", "--devices=4096"], "16777216 devices, at most 4096"),
    (["--where=moon"], "--where=moon"),
    (["--chip=abacus"], "--chip='abacus'"),
    (["--updates=0"], "--updates=0"),
    (["--utilisation=0"], "--utilisation=0.0"),
    (["--processes=2"], "--processes=2: one machine has one process"),
    (["--where=tpu"], "--where=tpu: expected --name and --zone"),
    (["--where=tpu", "--name=a", "--zone=b"], "--chip=h100: expected one of v3"),
    (["--chip=v4"], "--chip=v4: expected one of a100, h100, h200 with --where=gpus"),
    (["--where=hosts", "--coordinator=x"], "--coordinator='x': expected host:port"),
    (["--devices=6", "--config.mesh.model=4"], "--config.mesh.model=4: expected a divisor of"),
    (["--devices=6", "--config.mesh.data=4"], "--config.mesh.data=4: expected 6 for 6 devices"),
    (["--config.train.games=x"], "--config.train.games"),
]
WITH_CONFIG = {
    "experiments.ablation": QUICK,
    "experiments.demonstrate": QUICK,
    "experiments.flip_search": FLIP,
    "experiments.launch": QUICK,
    "experiments.train": QUICK,
}
TABLE = BENCHMARKS | {
    "experiments.train": TRAIN,
    "experiments.flip_search": SEARCH,
    "experiments.refine": REFINE,
    "experiments.tailor": TAILOR,
    "experiments.plan": PLAN,
    "experiments.launch": LAUNCH,
    "experiments.status": STATUS,
    "experiments.demonstrate": DEMONSTRATE,
    "experiments.play": PLAY,
    "experiments.ablation": ABLATION,
    "experiments.factorizations": FACTORIZATIONS,
    "experiments.list_fields": [(["--output=/proc/x/fields.md"], "--output='/proc/x/fields.md'")],
}
ROWS = [(name, flags_, words) for name, rows in TABLE.items() for flags_, words in rows]


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
