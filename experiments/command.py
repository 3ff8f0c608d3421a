"""How every command starts: flags are read, and a mistake in them gets one line and status 2."""

import logging
import sys
from collections.abc import Callable

from absl import app, flags
from absl import logging as absl_logging


def run(main: Callable[[], None]) -> None:
    """Parses the flags and calls `main`; a `ValueError` it raises is a user's mistake."""

    def call(argv: list[str]) -> None:
        logging.getLogger("jax").setLevel(logging.WARNING)  # no notes about absent accelerators
        absl_logging.set_verbosity(absl_logging.FATAL)  # orbax's notes; its errors are raised too
        try:
            if len(argv) > 1:
                raise ValueError(f"{argv[1]!r}: expected flags only; --help shows them.")
            main()
        except ValueError as error:
            _end(error)

    app.run(call, flags_parser=_parse)


def _parse(argv: list[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)
    except Exception as error:  # a configuration file may raise anything
        _end(error)


def _end(error: Exception) -> None:
    text = " ".join(str(error).split())
    if isinstance(error, AttributeError | KeyError) and "'" in text:
        # ml_collections' word for a field that the configuration lacks.
        text = f"--config: no field named {text.strip(chr(34))}; see the configuration file."
    elif not isinstance(error, flags.Error | ValueError):
        text = f"--config: the file raises {type(error).__name__}: {text}"
    print(text, file=sys.stderr)
    sys.exit(2)
