"""Settings: each is one field of a frozen dataclass, with its default, its check and its meaning.

Example::

    @dataclasses.dataclass(frozen=True)
    class SearchConfig(Config):
        simulations: int = setting(800, integer(least=1), "Simulations for each move.")

A `Config` checks itself when it is made, wherever that happens: from Python, where fields are given
by name (`SearchConfig(simulations=64)`), or from an `ml_collections.ConfigDict` by `from_dict`. It
is hashable, so it can be a static argument of a jitted function. A section of a configuration is a
field whose type is a `Config`; its name is that of its type, without the package's prefix there.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:  # kernels and their benchmarks do without it
    from ml_collections import ConfigDict

MAX_COUNT = 2**31 - 1  # counts enter compiled programs as int32
MAX_SEED = 2**32 - 1  # JAX takes larger seeds modulo 2^32: two of them could mean the same run


class Check(NamedTuple):
    """What a field accepts.

    Attributes:
      accepts: whether a value may stand in the field.
      expected: the same in words, as an error's "expected ..." says it.
    """

    accepts: Callable[[Any], bool]
    expected: str


class ConfigError(ValueError):
    """A field with a value that does not fit; one line.

    Attributes:
      field: the field's path, for example `'search.simulations'`.
      given: its value.
      expected: what would be right.

    The message is made of these, unless another one, which begins with the field, is given.
    """

    def __init__(self, field: str, given: Any, expected: str, message: str = ""):
        self.field, self.given, self.expected = field, given, expected
        super().__init__(message or f"{field}={given!r}: expected {expected}.")


def setting(default: Any, check: Check, doc: str, *, is_free: bool = False) -> Any:
    """Defines a field of a configuration.

    Args:
      default: its default.
      check: what it accepts.
      doc: one sentence or phrase that says what it means.
      is_free: whether it may change when a run goes on from a checkpoint.
    """
    metadata = {"check": check, "doc": doc, "is_free": is_free}
    return dataclasses.field(default=default, kw_only=True, metadata=metadata)


def section(kind: type["Config"]) -> Any:
    """Defines a field that is a configuration itself; by default `kind()`."""
    return dataclasses.field(default_factory=kind, kw_only=True, metadata={"section": kind})


@dataclasses.dataclass(frozen=True)
class Config:
    """The base of all configurations; see the module's docstring."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            if check := field.metadata.get("check"):
                value = getattr(self, field.name)
                require(field.name, value, check.accepts(value), check.expected)
        self.check()

    def check(self) -> None:
        """Checks what fields must fulfil together; raises `ConfigError`."""

    def replace(self, **changes) -> Self:
        """Copies the configuration with some fields changed, and checks it again."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields by name, sections as dictionaries."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {k: x.to_dict() if isinstance(x, Config) else x for k, x in fields.items()}

    @classmethod
    def to_config_dict(cls, **changes) -> "ConfigDict":
        """Returns the defaults with some changed, as files of configurations begin with."""
        from ml_collections import ConfigDict

        return ConfigDict(cls(**changes).to_dict())

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Reads a `ConfigDict` or dictionary; fields that it lacks have their defaults.

        Args:
          values: fields by name, sections as mappings. A field that holds a tuple may be given as
            a list, or as the only element.

        Raises:
          ConfigError: for the first field that is unknown or does not fit, in one line.
        """
        return _from_dict(cls, values, "")


def _from_dict(kind: type[Config], values: Mapping[str, Any], path: str) -> Config:
    known = {field.name: field for field in dataclasses.fields(kind)}
    given = {}
    for name, value in values.items():
        require(f"{path}{name}", value, name in known, f"no such field; there are {_words(known)}")
        inner = known[name].metadata.get("section")
        if inner:
            is_mapping = hasattr(value, "items")
            require(f"{path}{name}", value, is_mapping, "a section with fields")
            value = _from_dict(inner, value, f"{path}{name}.")
        elif isinstance(known[name].default, tuple):
            value = tuple(value) if isinstance(value, list | tuple) else (value,)
        given[name] = value
    try:
        return kind(**given)
    except ConfigError as error:
        raise ConfigError(f"{path}{error.field}", error.given, error.expected) from None


def require(field: str, given: Any, is_right: bool, expected: str) -> None:
    """Raises a `ConfigError` unless `is_right`."""
    if not is_right:
        raise ConfigError(field, given, expected)


def describe(kind: type[Config], path: str = "") -> Iterator[tuple[str, Any, str]]:
    """Yields the path, the default and the meaning of every field, sections in place."""
    for field in dataclasses.fields(kind):
        if inner := field.metadata.get("section"):
            yield from describe(inner, f"{path}{field.name}.")
        else:
            yield f"{path}{field.name}", field.default, field.metadata["doc"]


def help_text(kind: type[Config], flag: str = "--config.") -> str:
    """Returns the list of all fields, as the --help of a command shows it."""
    return "\n".join(
        f"  {flag}{path} (default {default!r})\n      {doc}"
        for path, default, doc in describe(kind)
    )


def markdown_table(kind: type[Config]) -> str:
    """Returns a table of all fields with their defaults and meanings."""
    rows = [f"| `{path}` | `{default!r}` | {doc} |" for path, default, doc in describe(kind)]
    return "\n".join(["| field | default | meaning |", "|---|---|---|", *rows])


def differences(kind: type[Config], old: Mapping, new: Mapping) -> Iterator[tuple[str, Any, Any]]:
    """Yields the path and both values of each field that differs and is not free to.

    Args:
      kind: type of both configurations.
      old: a configuration as `to_dict` gives it, perhaps read from a file or of another version.
      new: the other one.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}
    for name in sorted(old.keys() | new.keys()):
        metadata = fields[name].metadata if name in fields else {}
        x, y = old.get(name), new.get(name)
        inner = metadata.get("section")
        if inner and isinstance(x, Mapping) and isinstance(y, Mapping):
            found = differences(inner, x, y)
            yield from ((f"{name}.{path}", *values) for path, *values in found)
        elif not metadata.get("is_free", False) and _plain(x) != _plain(y):
            yield name, x, y


def _plain(value: Any) -> Any:
    """Returns a value as JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value


def require_memory(field: str, given: Any, needed: float, there: float | None) -> None:
    """Raises a `ConfigError` where a setting needs more memory than there is.

    Args:
      field: the setting that the memory grows with.
      given: its value.
      needed: bytes of what will be allocated, a lower estimate.
      there: bytes that are free; None where nobody knows.
    """
    sizes = f"{needed / 2**30:,.1f} GiB would be needed, {(there or 0) / 2**30:,.1f} GiB are free"
    require(field, given, there is None or needed <= there, f"less: {sizes}")


def integer(least: int | None = None, most: int = MAX_COUNT) -> Check:
    """Accepts integers in a range, ends included, and no booleans."""
    return Check(
        lambda x: isinstance(x, int) and not isinstance(x, bool) and _is_within(x, least, most),
        "an integer" + _range(least, most),
    )


def number(least: float | None = None, most: float | None = None) -> Check:
    """Accepts finite numbers in a range, ends included, and no booleans."""
    return Check(
        lambda x: is_number(x) and _is_within(x, least, most),
        "a finite number" + _range(least, most),
    )


def seed() -> Check:
    """Accepts the seeds that mean different random numbers."""
    return integer(least=0, most=MAX_SEED)


def probability() -> Check:
    """Accepts numbers from 0 to 1."""
    return Check(lambda x: is_number(x) and 0 <= x <= 1, "a probability from 0 to 1")


def positive() -> Check:
    """Accepts finite numbers above 0."""
    return Check(lambda x: is_number(x) and x > 0, "a finite number above 0")


def boolean() -> Check:
    """Accepts True and False."""
    return Check(lambda x: isinstance(x, bool), "True or False")


def text() -> Check:
    """Accepts any text."""
    return Check(lambda x: isinstance(x, str), "text")


def path() -> Check:
    """Accepts the path of a file or folder, which is never empty."""
    return Check(
        lambda x: isinstance(x, str) and x.strip() != "" and "\0" not in x,
        "the path of a file or folder",
    )


def one_of(*choices: str) -> Check:
    """Accepts one of some names."""
    return Check(lambda x: x in choices, f"one of {', '.join(map(repr, choices))}")


def some_of(choices, least: int = 1) -> Check:
    """Accepts a tuple of some names, at least so many."""
    names = tuple(choices)
    return Check(
        lambda x: isinstance(x, tuple) and len(x) >= least and set(x) <= set(names),
        f"some of {', '.join(map(repr, names))}",
    )


def shares(length: int | None = None) -> Check:
    """Accepts a tuple of numbers of at least 0 that sum to 1."""
    count = "numbers" if length is None else f"{length} numbers"
    return Check(
        lambda x: (
            isinstance(x, tuple)
            and length in (None, len(x))
            and all(is_number(y) and y >= 0 for y in x)
            and abs(sum(x) - 1) < 1e-6
        ),
        f"{count} of at least 0 that sum to 1",
    )


def integers(least: int | None = None) -> Check:
    """Accepts a tuple of integers, which may be empty."""
    one = integer(least)
    return Check(
        lambda x: isinstance(x, tuple) and all(map(one.accepts, x)),
        "a tuple of integers" + _range(least, MAX_COUNT),
    )


def is_number(x: Any) -> bool:
    """Says whether x is an int or float that a float can hold, and no boolean."""
    try:
        return isinstance(x, int | float) and not isinstance(x, bool) and math.isfinite(x)
    except OverflowError:  # an integer beyond all floats
        return False


def _is_within(x, least, most) -> bool:
    return (least is None or x >= least) and (most is None or x <= most)


def _range(least, most) -> str:
    if least is None and most is None:
        return ""
    if most is None or (most == MAX_COUNT and least is not None):
        return f" of at least {least}" + (" and below 2^31" if most else "")
    return f" from {least} to {most}" if least is not None else f" of at most {most}"


def _words(names) -> str:
    return ", ".join(names)
