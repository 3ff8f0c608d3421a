"""Layouts: how the factors of generators lie in lists, so that one flip serves every symmetry.

Walkers that keep a symmetry hold one term of each orbit, its *generator*; see `symmetries`. Two
orbits can be flipped where any factor of one equals any factor of the other. A layout stacks all
factors that may be compared below each other in one list, so that equal factors are found by one
pass over it. Number g + k·R of a list of R generators belongs to generator g: where in a list the
other factors of an orbit lie, and what an image does to them, is all that symmetries differ in.
"""

import abc
import operator
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from alphatensor.flip_graph import bitmasks
from alphatensor.flip_graph.bitmasks import NO_TERM, Planes, Terms, Words

Image = Callable[[Planes], Planes]  # the image of factors under an element of a symmetry


def _unchanged(planes: Planes) -> Planes:
    return planes


NO_IMAGES: tuple[Image, ...] = (_unchanged,)  # of a list: every factor stands for itself alone


class Layout(abc.ABC):
    """How the factors of R generators a⊗b⊗c lie in lists.

    A flip takes two generators that share a factor of one list, in which that factor plays a. It
    adds the second's b to the first's, and subtracts the first's c from the second's.

    Attributes:
      slots: R.
      lengths: the number of factors of each list, multiples of R.
      images: for each list, the images of a factor under all elements of a cyclic group, in order,
        the factor itself first.
      sweep: the lists in which the tries of a sweep find their pairs; a sweep of fewer than three
        tries is repeated until there are three.
      clears_at_once: whether a term that vanishes is cleared between the two changes of a flip, so
        that it cannot count as a partner of the second. Otherwise it may leave a hint that a later
        try finds wrong and clears.
    """

    slots: int
    lengths: tuple[int, ...]
    images: tuple[Sequence[Image], ...]
    sweep: tuple[int, ...]
    clears_at_once: bool = False

    @abc.abstractmethod
    def pack(self, terms: Terms) -> tuple[Planes, ...]:
        """Returns the lists, words of [length, W] each, of terms."""

    @abc.abstractmethod
    def unpack(self, lists: Sequence[Planes]) -> Terms:
        """Returns the terms of such lists."""

    @abc.abstractmethod
    def others(self, shared: int) -> tuple[int, int]:
        """Returns the lists that hold b and c where a lies in the list `shared`."""

    @abc.abstractmethod
    def place(self, shared: int, index: jax.Array, part: int, image: jax.Array | int) -> jax.Array:
        """Returns where another factor of an image of a term lies.

        Args:
          shared: the list that holds a.
          index: number of a in it, int32 [W], or `NO_TERM`.
          part: 1 for b, 2 for c.
          image: number of the image, int32 [W].

        Returns:
          The number in the list `others(shared)[part - 1]`, int32 [W].
        """

    def image_between(
        self, shared: int, first: jax.Array, second: jax.Array, image: jax.Array
    ) -> jax.Array:
        """Returns the number of the image of the second term that shares the first one's factor.

        Args:
          shared: the list that holds the shared factors.
          first, second: their numbers in it, int32 [W].
          image: of the second factor, the image that equals the first, int32 [W].
        """
        del shared, first, second
        return image

    def own(self, number: int, index: jax.Array) -> Words:
        """Returns the set of factors in a list that belong to the same generator as one of them."""
        words = -(-self.lengths[number] // bitmasks.WORD_BITS)
        parts = range(self.lengths[number] // self.slots)
        sets = [bitmasks.one_hot(self.shifted(number, index, k), words) for k in parts]
        return tuple(bitmasks.tree_reduce(operator.or_, words) for words in zip(*sets, strict=True))

    def shifted(self, number: int, index: jax.Array, parts: int) -> jax.Array:
        """Returns the number of the same generator's factor so many parts further in a list."""
        if not parts:
            return index
        total = self.lengths[number]
        moved = index + parts * self.slots
        moved = jnp.where(moved >= total, moved - total, moved)
        return jnp.where(index == NO_TERM, NO_TERM, moved)

    def generator(self, number: int, index: jax.Array) -> jax.Array:
        """Returns the numbers of the generators that factors of a list belong to."""
        if self.lengths[number] == self.slots:
            return index
        return jnp.where(index == NO_TERM, NO_TERM, index % self.slots)

    def rows(self, number: int) -> jax.Array:
        """Returns the generator of each factor of a list, int32 [length, 1]."""
        return self.generator(number, jnp.arange(self.lengths[number], dtype=jnp.int32))[:, None]


class TermsLayout(Layout):
    """A list for each mode: terms without symmetry, or of one that leaves the modes in place."""

    sweep = (0, 1, 2)

    def __init__(self, slots: int, images: Sequence[Sequence[Image]] = (NO_IMAGES,) * 3):
        self.slots, self.lengths, self.images = slots, (slots,) * 3, tuple(images)

    def pack(self, terms: Terms) -> tuple[Planes, ...]:
        return tuple(map(bitmasks.planes_of, terms))

    def unpack(self, lists: Sequence[Planes]) -> Terms:
        return tuple(map(bitmasks.stacked, lists))

    def others(self, shared: int) -> tuple[int, int]:
        return (shared + 1) % 3, (shared + 2) % 3

    def place(self, shared: int, index: jax.Array, part: int, image: jax.Array | int) -> jax.Array:
        return index


class RotationLayout(Layout):
    """One list of all modes below each other, for symmetries with the rotation of the modes.

    A generator a⊗b⊗c stands for itself, b⊗c⊗a and c⊗a⊗b. Two generators are rotated until the equal
    factors lie in the first mode; the flip there and its two rotations are one move.
    """

    sweep = (0,)
    clears_at_once = True  # all factors lie in one list

    def __init__(self, slots: int, images: Sequence[Image] = NO_IMAGES):
        self.slots, self.lengths, self.images = slots, (3 * slots,), (images,)

    def pack(self, terms: Terms) -> tuple[Planes, ...]:
        return (bitmasks.planes_of(jnp.concatenate(terms, axis=2)),)

    def unpack(self, lists: Sequence[Planes]) -> Terms:
        return tuple(jnp.split(bitmasks.stacked(lists[0]), 3, axis=2))

    def others(self, shared: int) -> tuple[int, int]:
        return 0, 0

    def place(self, shared: int, index: jax.Array, part: int, image: jax.Array | int) -> jax.Array:
        return self.shifted(0, index, part)


class TranspositionLayout(Layout):
    """A list of the factors a and, below them, c'; and one of the factors b.

    A generator a⊗b⊗c stands for itself and for c'⊗b'⊗a', where x' is the image of x, a transposed
    matrix. The first list holds the first factors of both, so only b needs an image.
    """

    OUTER, INNER = 0, 1
    sweep = (OUTER, INNER, OUTER)

    def __init__(self, slots: int, there: Image, back: Image, inner: Image):
        """Makes the layout of R generators.

        Args:
          slots: R.
          there: the image of factors of the third mode, in the first.
          back: the image of factors of the first mode, in the third.
          inner: the image of factors of the second mode.
        """
        self.slots, self.lengths = slots, (2 * slots, slots)
        self.images = NO_IMAGES, (_unchanged, inner)
        self._there, self._back = there, back

    def pack(self, terms: Terms) -> tuple[Planes, ...]:
        first, inner, last = map(bitmasks.planes_of, terms)
        outer = jax.tree.map(lambda *x: jnp.concatenate(x), first, self._there(last))
        return outer, inner

    def unpack(self, lists: Sequence[Planes]) -> Terms:
        outer, inner = lists
        first = jax.tree.map(lambda x: x[: self.slots], outer)
        last = self._back(jax.tree.map(lambda x: x[self.slots :], outer))
        return tuple(map(bitmasks.stacked, (first, inner, last)))

    def others(self, shared: int) -> tuple[int, int]:
        return (self.OUTER, self.OUTER) if shared == self.INNER else (self.OUTER, self.INNER)

    def place(self, shared: int, index: jax.Array, part: int, image: jax.Array | int) -> jax.Array:
        if shared == self.OUTER:
            return (
                self.shifted(self.OUTER, index, 1) if part == 1 else self.generator(shared, index)
            )
        # Where b is shared, a plays b and c' plays c; the image exchanges the two.
        swapped = self.shifted(self.OUTER, index, 1)
        return jnp.where((image == 1) == (part == 1), swapped, index)

    def image_between(
        self, shared: int, first: jax.Array, second: jax.Array, image: jax.Array
    ) -> jax.Array:
        if shared == self.INNER:
            return image
        return ((first >= self.slots) != (second >= self.slots)).astype(jnp.int32)
