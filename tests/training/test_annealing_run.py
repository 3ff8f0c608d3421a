"""Runs of the search by annealing: settings and the library's folder."""

import pytest

from alphatensor import config as settings
from alphatensor.annealing import AnnealingConfig
from alphatensor.factorization.library import records, store
from alphatensor.training import annealing
from experiments.configs import annealing as shipped


def config(folder, **changes):
    given = {
        "formats": "2x2x2,2x2x3",
        "library": str(folder),
        "annealing": AnnealingConfig(steps=20_000, returns=0, samples=2),
    }
    return annealing.AnnealRunConfig(**given | changes)


def test_a_search_fills_a_folder_and_keeps_what_is_better(tmp_path):
    steps = list(annealing.attempts(config(tmp_path, attempts=2)))
    assert [x.sizes for x in steps if x.annealed.share == 1] == 2 * [(2, 2, 2), (2, 2, 3)]
    assert {x.seed for x in steps} == {0, 1}
    stored = [line for x in steps for line in x.stored]
    assert len(stored) == 2 and "2x2x2_Z.npz: rank 7." in stored[0]
    assert store.ranks(tmp_path) == {(2, 2, 2): 7, (2, 2, 3): 11}
    f = store.best(tmp_path, (2, 2, 3), "Z")
    assert f.verify().ok
    assert records.origin(f.provenance) == "`anneal`, seed 0, 20,000 steps"


@pytest.mark.parametrize(
    "formats", ["3x3x3", "1x2x2", "2x2x60", "2x33x33", "2x2", "", "2x2x2..3x3x3"]
)
def test_formats_without_a_side_of_two_are_named(tmp_path, formats):
    with pytest.raises(settings.ConfigError, match="formats="):
        config(tmp_path, formats=formats)


def test_mistakes_are_named_before_any_step(tmp_path):
    with pytest.raises(settings.ConfigError, match=r"annealing\.coldest=0\.5"):
        config(tmp_path, annealing=AnnealingConfig(coldest=0.5))
    with pytest.raises(settings.ConfigError, match="library='/proc/library'"):
        annealing.attempts(config("/proc/library"))


def test_the_configuration_file_has_the_defaults():
    run = annealing.AnnealRunConfig.from_dict(shipped.get_config())
    assert run == annealing.AnnealRunConfig(library="runs/annealing")
