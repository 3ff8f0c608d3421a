"""Generators of schemes that keep an involution, and the schemes of generators.

The fixed terms are among the generators, and walks flip them too (see `orbits`).
"""

import numpy as np

from alphatensor.factorization import Factorization
from alphatensor.flip_graph.symmetries.base import Factors, term_keys, with_own_target


def split(f: Factorization, images: Factors) -> Factorization | None:
    """Returns one term of each pair and the fixed terms; None where an image is no term.

    Args:
      f: a scheme.
      images: of its terms, int64 [entries, R] for each mode.
    """
    factors = [np.array(x) for x in f.factors]
    keys, image_keys = term_keys(factors), term_keys(images)
    left, chosen = set(keys), []
    if len(left) < f.rank:
        return None
    for number, (key, image) in enumerate(zip(keys, image_keys, strict=True)):
        if key in left:
            if image not in left:
                return None
            left -= {key, image}
            chosen.append(number)
    name = f"generators of {f.target.name}"
    return with_own_target(name, f.ring, [x[:, chosen] for x in factors])


def whole(factors: Factors, images: Factors) -> list[np.ndarray]:
    """Returns the factors of generators and of those images that differ from them."""
    is_moved = np.any(
        [np.any(x != y, axis=0) for x, y in zip(factors, images, strict=True)], axis=0
    )
    return [np.hstack([x, y[:, is_moved]]) for x, y in zip(factors, images, strict=True)]
