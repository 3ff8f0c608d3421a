"""AlphaTensor in JAX: an agent that finds fast matrix multiplication algorithms.

What most users need is here; each name is imported when it is first used::

  matmul, dot_general    products by what was tuned for this device
  autotune               calibrates this device for all shapes, or tunes one
  compile_matmul         compiles one algorithm to a product
  load                   the library's best algorithm for a format, or the one in a file
  library                the table of what the library has
  verify                 checks every algorithm in a file, exactly
  Factorization          an algorithm: verify, transform, export
  train, Run             a run of the agent, as a call and as an iterator of reports; RunConfig
  play                   games with a trained agent
  search_flips           a flip-graph search over formats; FlipRunConfig
  refine                 cheaper algorithms of the same rank

The packages hold the rest: `factorization`, `agent`, `flip_graph`, `kernels`, `training`.
"""

from alphatensor.lazy import attach

__version__ = "0.1.0"

_HOMES = {
    "Factorization": "factorization",
    "FlipRunConfig": "training.flip_search",
    "Run": "training.runner",
    "RunConfig": "training.config",
    "autotune": "kernels",
    "compile_matmul": "kernels",
    "dot_general": "kernels",
    "library": "factorization.library.shipped",
    "load": "factorization.library.shipped",
    "matmul": "kernels",
    "play": "training.play",
    "refine": "training.refine",
    "search_flips": "training.flip_search",
    "train": "training.runner",
    "verify": "factorization",
}

__all__ = list(_HOMES)

__getattr__, __dir__ = attach(__name__, _HOMES)
