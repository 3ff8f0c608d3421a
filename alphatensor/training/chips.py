"""What makers publish of the chips that a run may be planned for."""

from typing import NamedTuple


class Chip(NamedTuple):
    """Says what a chip's maker publishes.

    Attributes:
      platform: `tpu` or `cuda`.
      rate: peak of dense bfloat16, FLOP/s.
      memory: bytes.
    """

    platform: str
    rate: float
    memory: float


CHIPS = {
    "v3": Chip("tpu", 123e12, 32 * 2**30),
    "v4": Chip("tpu", 275e12, 32 * 2**30),
    "v5e": Chip("tpu", 197e12, 16 * 2**30),
    "v5p": Chip("tpu", 459e12, 95 * 2**30),
    "v6e": Chip("tpu", 918e12, 32 * 2**30),
    "a100": Chip("cuda", 312e12, 80 * 2**30),
    "h100": Chip("cuda", 989e12, 80 * 2**30),
    "h200": Chip("cuda", 989e12, 141 * 2**30),
}
