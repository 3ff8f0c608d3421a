"""Simulated annealing over points and triangles: algorithms for n×2×p of low rank.

See `alphatensor.factorization.triangles` for what points and triangles are.
"""

from alphatensor.annealing.config import AnnealingConfig
from alphatensor.annealing.search import MAX_ENTRIES, Annealed, anneal

__all__ = ["MAX_ENTRIES", "Annealed", "AnnealingConfig", "anneal"]
