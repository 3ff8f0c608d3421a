"""Schemes of the same rank with fewer additions: annealing that keeps a program for all sums.

sums         closed sets of linear forms: programs for the factors of a scheme
moves        flips, changes of basis and helpers, which keep the sets closed
annealing    the loop
states       factorizations as states, and back
search       `fewer_additions`, and `takes`: which algorithms it takes
"""

from alphatensor.flip_graph.additions.search import fewer_additions, takes

__all__ = ["fewer_additions", "takes"]
