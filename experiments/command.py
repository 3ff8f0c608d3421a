"""How every command starts: flags are read, and a mistake in them gets one line and status 2."""

import functools
import importlib
import logging
import os
import pathlib
import re
import sys
import warnings
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from absl import app, flags
from absl import logging as absl_logging

from alphatensor import config as settings
from alphatensor.files import printable
from experiments.interruption import raise_at_ctrl_c as raise_at_ctrl_c

if TYPE_CHECKING:
    from ml_collections import ConfigDict  # which most benchmarks do without

MAX_DEVICES = 4_096  # of a mesh that is planned here
CONFIGS = pathlib.Path(__file__).parent / "configs"
INTERRUPTED = 130  # what shells say of a command that Ctrl-C has ended


def config_flag(default: str | None = None):
    """Defines --config: a configuration file or a name in `CONFIGS`; its fields are flags too."""
    from ml_collections import config_flags

    meaning = f"Path of a configuration file, or one of {', '.join(_names())}."
    holder = config_flags.DEFINE_config_file("config", default and _path_of(default), meaning)
    parser = flags.FLAGS["config"].parser
    parse = parser.parse
    parser.parse = lambda given: parse(_path_of(given))
    return holder


def _names() -> list[str]:
    return sorted(path.stem for path in CONFIGS.glob("*.py"))


def _path_of(given: str) -> str:
    """Returns the file that --config means, in this package where there is none of that path."""
    path = pathlib.PurePath(given)
    is_name = path.parent in (pathlib.PurePath(), pathlib.PurePath("experiments/configs"))
    if not os.path.isfile(given) and is_name and path.suffix in ("", ".py"):
        shipped = CONFIGS / f"{path.stem}.py"
        return str(shipped) if shipped.is_file() else given
    return given


def config_of(flag, example: str = "experiments/configs/quickstart.py") -> "ConfigDict":
    """Returns the configuration that --config names, or raises `ValueError` in one line."""
    from ml_collections import ConfigDict, config_flags

    if flag.value is None:
        raise ValueError(f"--config: not given; expected a file such as {example}.")
    if not isinstance(flag.value, ConfigDict):  # what ml_collections gives where it cannot load
        name = config_flags.get_config_filename(flags.FLAGS["config"])
        others = f"or one of {', '.join(_names())}"
        raise ValueError(f"--config={name!r}: expected a file that defines get_config(), {others}.")
    return flag.value


def settings_on_mesh(config: "ConfigDict", data: int, model: int):
    """Returns the settings of a run on data x model devices, each of which a CPU's stands for.

    JAX must not have begun to compute. Raises `ConfigError` for what does not fit these devices.
    """
    import jax

    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", data * model)
    from alphatensor.training.settings import from_config

    config.mesh.update(dict(data=data, model=model))
    return from_config(config)


def checked(flag: flags.FlagHolder, check: settings.Check) -> Any:
    """Returns a flag's value, or raises `ValueError` in one line where it does not fit."""
    return _checked(flag, flag.value, check)


def checked_integers(flag: flags.FlagHolder, least: int, most: int) -> list[int]:
    """Reads a flag's list as integers in a range; raises `ValueError` for another or none."""
    check = settings.integer(least, most)
    given = [int(x) if x.isdecimal() and len(x) < 20 else x for x in map(str.strip, flag.value)]
    if not given:
        raise ValueError(f"--{flag.name}=: expected {check.expected}, or several.")
    return [_checked(flag, x, check) for x in given]


def _checked(flag: flags.FlagHolder, value: Any, check: settings.Check) -> Any:
    if not check.accepts(value):
        raise ValueError(f"--{flag.name}={value!r}: expected {check.expected}.")
    return value


def keep_compiled_programs(folder: str) -> None:
    """Keeps the programs that JAX compiles in a folder, for the next start."""
    import jax

    jax.config.update("jax_compilation_cache_dir", os.path.abspath(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.5)


def run(
    main: Callable[..., int | None],
    config_type: str = "",
    *,
    prefix: str = "--config.",
    takes_arguments: bool = False,
) -> None:
    """Parses the flags and calls `main`, as `call` does.

    Args:
      main: the command.
      config_type: `'module:Type'` of its configuration, whose fields --help lists.
      prefix: what the flags that set the fields of its configuration begin with.
      takes_arguments: whether the command line holds more than flags; then `main` is given the
        list of the other arguments, and --help lists the command's own flags alone.
    """
    if takes_arguments:
        flags.FLAGS.set_gnu_getopt(True)
        if {"--help", "-help", "-h"} & set(sys.argv[1:]):
            call(lambda: print(_help(sys.modules["__main__"], sys.argv[1:])))

    def start(argv: list[str]) -> None:
        warnings.showwarning = _show_once
        logging.getLogger("jax").setLevel(logging.WARNING)  # no notes about absent accelerators
        absl_logging.set_verbosity(absl_logging.FATAL)  # orbax's notes; its errors are raised too
        if takes_arguments:
            call(main, argv[1:], prefix=prefix)
        if len(argv) > 1:
            _end(ValueError(f"{argv[1]!r}: expected flags only; --help shows them."))
        call(main, prefix=prefix)

    if config_type and _wants_help():
        _add_fields_to_help(config_type)
    app.run(start, flags_parser=_parse)


def _help(module: ModuleType, arguments: list[str]) -> str:
    """Returns the help of a command with subcommands; of one alone where `arguments` begin with it.

    That is its lines in the module's docstring, below "Subcommands:" and "Examples:".
    """
    doc, own_flags = module.__doc__, flags.FLAGS.module_help(module)
    name = arguments[0] if arguments[0].isalpha() else ""
    said = re.search(rf"^  {name} .*(?:\n {{12}}.*)*", doc, re.M) if name else None
    if said is None:
        return f"{doc}\nFlags:\n{own_flags}"
    command = re.search(r"^  (python -m \S+)", doc, re.M)[1]
    examples = re.findall(rf"^  {re.escape(command)} {name}\b.*", doc, re.M)
    lines = [
        said[0],
        "",
        "Examples:",
        *examples,
        "",
        f"`{command} --help` says more.",
        "",
        "Flags:",
    ]
    return "\n".join([*lines, own_flags])


# Name: function, least and most arguments (None: any number, passed as a list).
Subcommands = dict[str, tuple[Callable[..., int], int, int | None]]


def subcommand(commands: Subcommands, arguments: list[str]) -> int:
    """Runs the subcommand that the first argument names; returns its exit status.

    Raises:
      ValueError: in one line, for another name or number of arguments.
    """
    if not arguments or arguments[0] not in commands:
        given = f"{arguments[0]!r:.40}" if arguments else "nothing"
        raise ValueError(f"subcommand: expected one of {', '.join(commands)}; got {given}.")
    name, *rest = arguments
    function, least, most = commands[name]
    if len(rest) < least or (most is not None and len(rest) > most):
        number = f"{least} to {most}" if most else f"{least} or more"
        number = f"{least}" if least == most else number
        raise ValueError(f"{name}: expected {number} arguments, got {len(rest)}.")
    return function(rest) if most is None else function(*rest)


def call(main: Callable[..., int | None], *arguments, prefix: str = "--config.") -> NoReturn:
    """Calls `main` and ends with the status that it returns, 0 for None.

    A `ValueError` that it raises is a user's mistake: one line, and status 2. Where it is a
    `ConfigError`, which names a field and knows no flags, the line begins with `prefix`.
    """
    try:
        sys.exit(main(*arguments))
    except ValueError as error:
        is_field = hasattr(error, "field")
        _end(ValueError(f"{prefix}{error}") if is_field else error)
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        sys.exit(0)


@functools.cache
def _print_once(line: str) -> None:
    print(line, file=sys.stderr)


def _show_once(message: Warning | str, *_, **__) -> None:
    """Prints a warning in one line, and the same one never again."""
    _print_once(printable(str(message)))


def _add_fields_to_help(config_type: str) -> None:
    from alphatensor import config

    module, name = config_type.split(":")
    kind = getattr(importlib.import_module(module), name)
    main = sys.modules["__main__"]
    main.__doc__ = f"{main.__doc__}\nFields of the configuration:\n\n{config.help_text(kind)}\n"


def _wants_help() -> bool:
    return any(x.lstrip("-").startswith("help") for x in sys.argv[1:])


def _parse(argv: list[str]) -> list[str]:
    try:
        return flags.FLAGS(argv)
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        if _wants_help():
            sys.exit(0)  # Abseil has shown it, and ends with 1
        _end(error)
    except BaseException as error:  # a configuration file may raise anything, or end the program
        _end(error)


def _end(error: BaseException) -> NoReturn:
    text = " ".join(str(error).split())
    if isinstance(error, AttributeError | KeyError) and "'" in text:
        # ml_collections' word for a field that the configuration lacks.
        text = f"--config: no field named {text.strip(chr(34))}; see the configuration file."
    elif not isinstance(error, flags.Error | ValueError):
        text = f"--config: the file raises {type(error).__name__}: {text}"
    print(printable(text), file=sys.stderr)
    sys.exit(2)
