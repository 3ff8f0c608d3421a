"""Compiled programs are kept between tests and runs of the suite: most of its time is compiling."""

import pathlib

import jax

jax.config.update(
    "jax_compilation_cache_dir", str(pathlib.Path(__file__).parent.parent / ".jax_cache")
)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
