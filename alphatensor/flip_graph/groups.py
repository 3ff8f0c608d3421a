"""What a symmetry does to the factors of a term, as the walkers need it."""

from typing import NamedTuple, Self

import numpy as np

from alphatensor.flip_graph import bitmasks

BYTE = 8


class Element(NamedTuple):
    """What one element of a group does to a term.

    Attributes:
      modes: the mode in which the image of each mode's factor lies.
      entries: for each mode where its entries move, int64 [entries].
    """

    modes: tuple[int, int, int]
    entries: tuple[np.ndarray, np.ndarray, np.ndarray]

    def after(self, other: Self) -> Self:
        """Returns the element that does the other one first."""
        modes = tuple(self.modes[x] for x in other.modes)
        entries = [
            self.entries[mode][x] for mode, x in zip(other.modes, other.entries, strict=True)
        ]
        return Element(modes, tuple(entries))

    @property
    def is_identity(self) -> bool:
        return self.modes == (0, 1, 2) and all(map(_in_order, self.entries))


def identity(*entries: int) -> Element:
    """Returns the element that changes nothing, for modes of so many entries."""
    return Element((0, 1, 2), tuple(map(np.arange, entries)))


class Tables(NamedTuple):
    """A group as arrays, for E elements.

    Attributes:
      elements: for each element and mode: the mode of its image; the number of the table that
        permutes its entries, -1 where they stay; the number of the inverse. int64 [E, 3, 3].
      lists: for each mode the first of those that it can share factors with, int64 [3].
      tables: for each byte of a factor and each of its values the image, uint64 [T, bytes, 256, K].
      is_simple: whether all entries stay, and no two elements move a mode to the same one.
    """

    elements: np.ndarray
    lists: np.ndarray
    tables: np.ndarray
    is_simple: bool


def tables(group: list[Element], words: int) -> Tables:
    """Returns a group, in which all inverses lie, as arrays for factors of so many words."""
    elements = np.zeros((len(group), 3, 3), np.int64)
    made: dict[bytes, np.ndarray] = {}
    for number, element in enumerate(group):
        elements[number, 0] = element.modes
        elements[number, 2] = next(
            k for k, other in enumerate(group) if other.after(element).is_identity
        )
        for mode, images in enumerate(element.entries):
            if _in_order(images):
                elements[number, 1, mode] = -1
                continue
            key = images.tobytes()
            made.setdefault(key, _table(images, words))
            elements[number, 1, mode] = list(made).index(key)
    modes = elements[:, 0]
    is_simple = not made and all(len(set(x)) == len(x) for x in modes.T.tolist())
    empty = np.zeros((1, 1, 2**BYTE, words), np.uint64)
    most = max((len(x) for x in made.values()), default=0)
    padded = [np.pad(x, ((0, most - len(x)), (0, 0), (0, 0))) for x in made.values()]
    return Tables(
        elements=elements,
        lists=modes.min(axis=0),
        tables=np.stack(padded) if made else empty,
        is_simple=is_simple,
    )


def _in_order(images: np.ndarray) -> bool:
    return np.array_equal(images, np.arange(len(images)))


def _table(images: np.ndarray, words: int) -> np.ndarray:
    """Returns the images of all values of each byte, uint64 [bytes, 256, words]."""
    table = np.zeros((-(-len(images) // BYTE), 2**BYTE, words), np.uint64)
    values = np.arange(2**BYTE)
    for entry, image in enumerate(images.tolist()):
        byte, bit = divmod(entry, BYTE)
        word, place = divmod(image, bitmasks.WORD_BITS)
        table[byte, (values >> bit) & 1 == 1, word] |= np.uint64(1 << place)
    return table
