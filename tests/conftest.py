"""Most of the suite's time is compiling: programs are optimised less and kept between tests."""

import gc
import importlib.metadata
import os
import pathlib

# Before JAX starts; the processes that tests start inherit them. Without LLVM's optimisation a tiny
# training run takes a third less processor time; XLA's older way of compiling fusions, which it
# knows before 0.12, compiles it in 9.4 s instead of 20. One device, whichever test comes first:
# what is compiled in one process serves all others.
FLAGS = ["--xla_backend_optimization_level=0", "--xla_force_host_platform_device_count=1"]
if tuple(map(int, importlib.metadata.version("jaxlib").split(".")[:2])) < (0, 12):
    FLAGS.append("--xla_cpu_use_fusion_emitters=false")
given = os.environ.get("XLA_FLAGS", "").split()
set_already = {flag.split("=")[0] for flag in given}
os.environ["XLA_FLAGS"] = " ".join(
    given + [flag for flag in FLAGS if flag.split("=")[0] not in set_already]
)

import jax  # noqa: E402
import pytest  # noqa: E402

jax.config.update(
    "jax_compilation_cache_dir", str(pathlib.Path(__file__).parent.parent / ".jax_cache")
)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.05)


def pytest_collection_modifyitems(items) -> None:
    """Begins with whole runs, the slowest tests, so that no worker waits for them at the end."""
    items.sort(key=lambda item: "training" not in item.path.parts)


MOST_MAPS = 20_000  # Linux lets a process have 65,530, and each compiled program takes some


@pytest.fixture(autouse=True, scope="module")
def _programs_let_go():
    """Lets compiled programs go after a module where they have become many."""
    yield
    maps = pathlib.Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MOST_MAPS:
        jax.clear_caches()
        gc.collect()
