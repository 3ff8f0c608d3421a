"""The public surface: what is promised exists, is documented, and nothing else is."""

import importlib
import inspect
import subprocess
import sys

import pytest

SURFACE = {
    "alphatensor": """
        Factorization FlipRunConfig Run RunConfig autotune compile_matmul dot_general library load
        matmul play refine search_flips train verify
    """,
    "alphatensor.agent": """
        Agent AgentConfig BasesConfig BestBuffer Constants DemonstrationsConfig Experience Game
        GameConfig Games LearnerConfig LearnerState Losses NetworkConfig Observation RingBuffer
        SearchConfig SearchResult Shard State Statistics Vocabulary make_agent make_constants
        support_of
    """,
    "alphatensor.annealing": "Annealed AnnealingConfig anneal",
    "alphatensor.factorization": """
        Factorization FileError Lift Verification aggregated canonical convert direct_sum draw
        drop_zeros entrywise exact_array export extend from_arrays kronecker lift lift_with_reason
        load matmul_target naive permute_sizes project projections reduce_mod reduced rotate
        sandwich save sparsify strassen strassen_pairs to_c to_jax to_latex to_numpy to_text
        transpose verify
    """,
    "alphatensor.factorization.analysis": """
        Costs Growth additions count_inequivalent difference equivalent growth
        invariant measure rank_distribution
    """,
    "alphatensor.factorization.io": """
        FileError LANGUAGES check convert draw export figure header load load_entry load_exact png
        save to_c to_jax to_latex to_numpy to_text verify write write_text
    """,
    "alphatensor.factorization.library": """
        Added LibraryWarning RecombinationConfig add add_aggregated add_recipes assemble best
        best_plan close default_folder fill index is_recipe load load_best made merge planned ranks
        recombine reindex verified_ranks
    """,
    "alphatensor.flip_graph": """
        Clock Costed FlipSearchConfig KINDS Memory Stop Symmetry Turn WalkOptions Walked Walkers
        after_calls after_seconds fewer_additions refine search symmetries_of walk
    """,
    "alphatensor.kernels": """
        KernelConfig TuningConfig autotune compile_matmul compile_syrk dot_general matmul syrk
    """,
    "alphatensor.training": "Outcome Run RunConfig RunError train",
}


@pytest.mark.parametrize("package", SURFACE)
def test_the_surface_is_what_is_listed(package):
    module = importlib.import_module(package)
    assert sorted(module.__all__) == SURFACE[package].split()


@pytest.mark.parametrize("package", SURFACE)
def test_everything_public_is_there_and_documented(package):
    module = importlib.import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert value.__doc__, f"{package}.{name}"


@pytest.mark.parametrize(
    ("package", "heavy"),
    [
        ("alphatensor", ("jax", "absl", "haiku", "matplotlib")),
        ("alphatensor.factorization", ("jax", "matplotlib")),
        ("alphatensor.factorization.library", ("jax", "matplotlib")),
    ],
)
def test_importing_is_quick(package, heavy):
    code = f"import sys, {package}; print([x for x in {heavy} if x in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_unknown_names_are_attribute_errors():
    for package in SURFACE:
        with pytest.raises(AttributeError, match="nothing"):
            _ = importlib.import_module(package).nothing
