"""The subgroups of a group of permutations as arrays, for walks that flip all terms."""

from typing import NamedTuple

import numpy as np

from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph.groups import Element


class Subgroups(NamedTuple):
    """The subgroups of a group of E elements, S of them, the trivial one first; and what they fix.

    Attributes:
      of_rows: the stabilizer of the factor of each row, uint8 [L].
      of_generators: the stabilizer of each generator, uint8 [R].
      numbers: the number of each subgroup by the bits of its elements, int64 [2^E].
      meet: the intersection of two subgroups, uint8 [S, S].
      cosets: for a subgroup and one that lies in it, representatives, then -1; int64 [S, S, E].
      index: their number, 0 where the second subgroup lies not in the first; int64 [S, S].
      images: the number of images of a term with each stabilizer, int64 [S].
      halves: for two subgroups of index 2 and each mode one of each two orbits of entries under the
        second one that the first one exchanges, uint64 [S, S, 3, K].
    """

    of_rows: np.ndarray
    of_generators: np.ndarray
    numbers: np.ndarray
    meet: np.ndarray
    cosets: np.ndarray
    index: np.ndarray
    images: np.ndarray
    halves: np.ndarray


def subgroups(slots: int, group: list[Element], words: int) -> Subgroups:
    """Makes the arrays for schemes of R = `slots` generators, with factors of K = `words` words.

    Args:
      slots: R.
      group: its elements, the identity first; they move no mode.
      words: K.
    """
    order, products = len(group), _products(group)
    bits = range(order)
    closed = [
        mask
        for mask in range(1, 2**order, 2)
        if all(mask >> products[i][j] & 1 for i in bits for j in bits if mask >> i & mask >> j & 1)
    ]
    number = len(closed)
    cosets = np.full((number, number, order), -1)
    halves = np.zeros((number, number, 3, words), np.uint64)
    for a, larger in enumerate(closed):
        for b, smaller in enumerate(closed):
            if larger & smaller == smaller:
                representatives = _representatives(larger, smaller, products)
                cosets[a, b, : len(representatives)] = representatives
                if len(representatives) == 2:
                    halves[a, b] = _halves(group, larger, smaller, words)
    numbers = np.full(2**order, -1)
    numbers[closed] = np.arange(number)
    return Subgroups(
        of_rows=np.zeros(3 * slots, np.uint8),
        of_generators=np.zeros(slots, np.uint8),
        numbers=numbers,
        meet=numbers[np.bitwise_and.outer(closed, closed)].astype(np.uint8),
        cosets=cosets,
        index=(cosets >= 0).sum(axis=2),
        images=np.array([order // mask.bit_count() for mask in closed]),
        halves=halves,
    )


def _products(group: list[Element]) -> list[list[int]]:
    """Returns the number of each product of two elements."""
    numbers = {_key(element): number for number, element in enumerate(group)}
    return [[numbers[_key(x.after(y))] for y in group] for x in group]


def _key(element: Element) -> bytes:
    return b"".join(np.asarray(x, np.int64).tobytes() for x in element.entries)


def _representatives(larger: int, smaller: int, products: list[list[int]]) -> list[int]:
    """Returns one element of each coset of a subgroup in another one; subgroups are bits."""
    found, seen = [], 0
    for i in range(len(products)):
        if larger >> i & ~(seen >> i) & 1:
            found.append(i)
            seen |= sum(1 << products[i][j] for j in range(len(products)) if smaller >> j & 1)
    return found


def _halves(group: list[Element], larger: int, smaller: int, words: int) -> np.ndarray:
    """Returns one of each two orbits that a subgroup of index 2 makes of one, uint64 [3, K]."""
    halves = np.zeros((3, words), np.uint64)
    for mode in range(3):
        images = [np.asarray(element.entries[mode]) for element in group]
        for entry in range(len(images[0])):
            both, half = (
                {int(x[entry]) for i, x in enumerate(images) if mask >> i & 1}
                for mask in (larger, smaller)
            )
            if both != half and entry == min(both):
                for place in half:
                    word, bit = divmod(place, bitmasks.WORD_BITS)
                    halves[mode, word] |= np.uint64(1 << bit)
    return halves
