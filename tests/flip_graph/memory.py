"""A memory of algorithms without files, and a clock that counts how often it is read."""

import itertools

from alphatensor.factorization import permute_sizes


class Memory:
    """The best algorithm of each format and ring that was added."""

    def __init__(self, *factorizations, known=None):
        self.held, self.known, self.pools = {}, known or {}, {}
        for f in factorizations:
            self.add(f)

    def best(self, sizes, ring):
        f = self.held.get((tuple(sorted(sizes)), ring.name))
        return None if f is None else permute_sizes(f, sizes)

    def add(self, f):
        assert f.verify().ok
        key = tuple(sorted(f.sizes)), f.domain
        if key in self.held and self.held[key].rank <= f.rank:
            return None
        self.held[key] = f
        return f"{f.target.name} over {f.domain}: rank {f.rank}."

    def known_rank(self, sizes, ring):
        return self.known.get(sizes)

    def pool(self, sizes, name):
        return self.pools.get((sizes, name), [])

    def keep_pool(self, sizes, name, schemes):
        assert all(sorted(f.sizes) == list(sizes) and f.verify().ok for f in schemes)
        self.pools[sizes, name] = list(schemes)


def ticks(seconds=0.2):
    """Returns a clock on which so many seconds pass each time it is read."""
    return itertools.count(0.0, seconds).__next__
