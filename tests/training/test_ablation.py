"""Ablations: what each variant leaves out, and runs that go on where they were stopped."""

import pytest
import tiny_run

from alphatensor.config import ConfigError
from alphatensor.training import ablation, runner
from alphatensor.training.config import RunConfig

BASE = RunConfig.from_dict(tiny_run.tiny_config())


def make(folder, **fields):
    fields = dict(variants=("whole", "no_demonstrations"), seeds=(0,), rounds=2) | fields
    return ablation.AblationConfig.from_dict(dict(output=str(folder)) | fields)


def test_each_variant_changes_its_part_alone():
    def changed(name):
        after = ablation.VARIANTS[name](BASE).to_dict()
        before = BASE.to_dict()
        return {
            f"{k}.{x}": after[k][x]
            for k in after
            if isinstance(after[k], dict)
            for x in after[k]
            if after[k][x] != before[k][x]
        }

    assert changed("whole") == {}
    assert changed("no_self_play") == {"train.mixture": (1.0, 0.0, 0.0)}
    assert changed("no_best_games") == {"train.mixture": (0.5, 0.5, 0.0)}
    assert changed("no_change_of_basis") == {"bases.canonical_probability": 1.0}
    assert changed("no_signed_permutations") == {"bases.signed_permutations": 1}
    assert changed("categorical_head") == {"network.value": "categorical"}
    found = changed("no_demonstrations")
    assert found["train.mixture"] == pytest.approx((0.0, 0.8, 0.2))
    rounds = found["train.max_rounds"] - BASE.train.max_rounds
    assert found["train.warmup_updates"] == 0
    assert rounds * BASE.train.updates_per_round == BASE.train.warmup_updates


def test_games_on_sums_have_parts_of_their_own(tmp_path):
    sums = RunConfig.from_dict(tiny_run.tiny_config(**tiny_run.ON_SUMS))
    for name, without in ablation.VARIANTS_OF_SUMS.items():
        assert (without(sums) == sums) == (name in ("whole", "no_detours")), name
    with pytest.raises(ConfigError, match="variants='no_best_games': expected some of whole"):
        next(ablation.run(sums, make(tmp_path, variants=("no_best_games",))))
    with pytest.raises(ConfigError, match="variants='no_detours': expected some of whole"):
        next(ablation.run(BASE, make(tmp_path, variants=("no_detours",))))
    rows = list(ablation.run(sums, make(tmp_path, variants=("no_self_play",), rounds=1)))
    assert [(row.variant, row.rank) for row in rows] == [("no_self_play", 0)]  # 2 is naive


def test_an_ablation_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "make_programs", tiny_run.shared_programs)
    rows = list(ablation.run(BASE, make(tmp_path, variants=("whole",))))
    assert [(row.variant, row.seed) for row in rows] == [("whole", 0)]
    assert 0 <= rows[0].solved <= 1
    monkeypatch.setattr(runner, "train", lambda config: pytest.fail("made again"))
    assert list(ablation.run(BASE, make(tmp_path, variants=("whole",)))) == rows
    assert (tmp_path / "ablation.png").read_bytes()[:4] == b"\x89PNG"
    with pytest.raises(ConfigError, match=r"output: .*learner\.learning_rate 0\.001 -> 0\.1"):
        other = BASE.replace(learner=BASE.learner.replace(learning_rate=0.1))
        next(ablation.run(other, make(tmp_path)))
    with pytest.raises(ConfigError, match="rounds 2 -> 3"):
        next(ablation.run(BASE, make(tmp_path, rounds=3)))
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"results\.csv: not the results"):
        next(ablation.run(BASE, make(tmp_path)))


def test_a_run_without_demonstrations_learns_from_games_alone(tmp_path):
    config = ablation.VARIANTS["no_demonstrations"](
        BASE.replace(output=str(tmp_path), train=BASE.train.replace(max_rounds=3))
    )
    rows = [report.scalars for report in runner.Run(config)]
    assert "loss/policy" not in rows[0], "nothing has been played yet"
    for row in rows[1:]:
        assert "loss/policy" in row and "loss/policy_demonstrations" not in row


def test_the_table_tells_every_variant():
    rows = [
        ablation.Row("whole", 0, rank=7, updates=250, seconds=24.6, solved=0.5),
        ablation.Row("whole", 1, rank=8, updates=300, seconds=31.0, solved=0.25),
        ablation.Row("no_self_play", 0, rank=0, updates=0, seconds=0.0, solved=0.0),
    ]
    lines = ablation.table(rows).splitlines()
    assert lines[2] == "| whole | 0, 1 | 7, 8 | 250, 300 | 25, 31 | 37.5% |"
    assert lines[3] == "| no self play | 0 | none | - | - | 0.0% |"


@pytest.mark.parametrize(
    "fields, words",
    [
        (dict(seeds=()), "seeds"),
        (dict(variants=("no_torso",)), "variants"),
        (dict(rounds=0), "rounds"),
    ],
)
def test_wrong_settings_are_named(tmp_path, fields, words):
    with pytest.raises(ConfigError, match=words):
        make(tmp_path, **fields)


def test_only_whole_games_of_one_target(tmp_path):
    with pytest.raises(ConfigError, match="one target"):
        next(ablation.run(BASE.replace(target="1x2x1,1x2x2"), make(tmp_path)))
