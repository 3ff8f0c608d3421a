"""No corrupted file crashes, hangs, takes memory, is executed or is called exact falsely.

`ALPHATENSOR_FUZZ_CASES=10000` sets the number of cases of all formats together.
"""

import os

import fuzzing
import pytest
import spoiled_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CASES = int(os.environ.get("ALPHATENSOR_FUZZ_CASES", "900"))


@pytest.mark.parametrize("format_", spoiled_files.FORMATS, ids=lambda format_: format_.name)
def test_corrupted_files_are_named_or_read_truly(format_):
    @settings(
        deadline=None,
        derandomize=True,
        database=None,
        max_examples=max(1, CASES // len(spoiled_files.FORMATS)),
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**63))
    def check(seed):
        outcome = fuzzing.run(format_, seed)
        assert not outcome.failure, (format_.name, seed, outcome.failure)

    check()


@pytest.mark.parametrize("format_", spoiled_files.FORMATS, ids=lambda format_: format_.name)
def test_good_files_are_read(tmp_path, format_):
    """Else the test above would see nothing; and none is set aside."""
    format_.write(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    format_.read(tmp_path / format_.name)
    assert before and all(path.read_bytes() == content for path, content in before.items())
