"""Simulated annealing over points and triangles: algorithms for n×2×p of low rank.

See `alphatensor.factorization.triangles` for what points and triangles are.
"""

from alphatensor.annealing.config import AnnealingConfig
from alphatensor.annealing.search import Annealed, anneal

__all__ = ["Annealed", "AnnealingConfig", "anneal"]
