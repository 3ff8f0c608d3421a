"""AlphaTensor in JAX: an agent that finds fast matrix multiplication algorithms.

What most users need is here; each name is imported when it is first used:

  matmul, dot_general    products by what was tuned for this device
  autotune               tunes a shape
  compile_matmul         compiles one algorithm to a product
  load                   the library's best algorithm for a format
  verify                 checks every algorithm in a file, exactly
  Factorization          an algorithm: verify, transform, export
  train, Run             a run of the agent, as a call and as an iterator of reports; RunConfig
  search_flips           a flip-graph search over formats; FlipRunConfig
  refine                 cheaper algorithms of the same rank

The packages hold the rest: `factorization`, `agent`, `flip_graph`, `kernels`, `training`.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from alphatensor.factorization import Factorization, verify
    from alphatensor.factorization.library import load_best as load
    from alphatensor.kernels import autotune, compile_matmul, dot_general, matmul
    from alphatensor.training.config import RunConfig
    from alphatensor.training.flip_search import FlipRunConfig, search_flips
    from alphatensor.training.refine import refine
    from alphatensor.training.runner import Run, train

_PLACES = {
    "Factorization": "factorization:Factorization",
    "FlipRunConfig": "training.flip_search:FlipRunConfig",
    "Run": "training.runner:Run",
    "RunConfig": "training.config:RunConfig",
    "autotune": "kernels:autotune",
    "compile_matmul": "kernels:compile_matmul",
    "dot_general": "kernels:dot_general",
    "load": "factorization.library:load_best",
    "matmul": "kernels:matmul",
    "refine": "training.refine:refine",
    "search_flips": "training.flip_search:search_flips",
    "train": "training.runner:train",
    "verify": "factorization:verify",
}

__all__ = [
    "Factorization",
    "FlipRunConfig",
    "Run",
    "RunConfig",
    "autotune",
    "compile_matmul",
    "dot_general",
    "load",
    "matmul",
    "refine",
    "search_flips",
    "train",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name].split(":")
    return getattr(importlib.import_module(f"{__name__}.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
