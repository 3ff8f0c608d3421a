"""The benchmark on random shapes: which it draws, what it counts, how it ends."""

import csv

import numpy as np
from test_matmul_speed import run

from benchmarking import any_shape


def test_shapes_are_log_uniform_and_repeatable():
    shapes = any_shape.random_shapes(500, 64, 8192, seed=3)
    assert shapes == any_shape.random_shapes(500, 64, 8192, seed=3)
    logs = np.log2(shapes)
    assert logs.min() >= 6 and logs.max() <= 13 and abs(logs.mean() - 9.5) < 0.2


def test_the_summary_counts_losses():
    rows = [{"ratio": r, "seconds": s} for r, s in ((1.0, ""), (0.9, 2.0), (1.2, 1.0))]
    text = any_shape.summary(rows, left_out=7)
    assert "3 shapes, 7 left out; a kernel was chosen for 2, of median 1.050" in text
    assert text.endswith("least ratio 0.900; below 0.97: 1.")


def test_without_a_calibration_all_is_jnp(tmp_path):
    done = run(
        "any_shape", "--shapes=3", "--most=100", "--calibration_seconds=0", f"--output={tmp_path}"
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "any_shape.csv").open() as file:
        assert [row["kernel"] for row in csv.DictReader(file)] == ["jnp"] * 3
    assert (tmp_path / "any_shape.png").read_bytes().startswith(b"\x89PNG")
