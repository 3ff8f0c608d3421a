# @title Set up: gets the project into this runtime (a minute or two the first time)
import importlib.metadata
import importlib.util
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

PROJECT = "https://github.com/OWNER/REPOSITORY"  # @param {type:"string"}
# Or a wheel, zip or folder of the project. A file alphatensor*.whl or .zip in this folder is taken
# before all others.
OLDEST_JAX = "0.7.2"  # that the project runs on
PLUGINS = {"jax-cuda12-plugin": "cuda12", "jax-cuda13-plugin": "cuda13", "libtpu": "tpu"}


class Stop(Exception):
    """Ends the notebook with one line."""

    def _render_traceback_(self):
        return [f"Stopped: {self}"]


def installed_versions():
    """Returns the versions of what is installed, by name."""
    found = importlib.metadata.distributions()
    return {re.sub("[-_.]+", "-", d.name).lower(): d.version for d in found if d.name}


def is_ready(versions):
    """Tells whether `import alphatensor` gives the installed package; a folder may hide it."""
    spec = importlib.util.find_spec("alphatensor")
    if "alphatensor" not in versions or spec is None or spec.origin is None:
        return False  # without an origin it is a folder that only has the package's name
    there = f'__version__ = "{versions["alphatensor"]}"' in pathlib.Path(spec.origin).read_text()
    if not there:
        raise Stop(f"{spec.origin} hides the installed package; rename it, or use another folder.")
    return True


def choose_jax(versions):
    """Returns what pip is asked for beside the project, what stays as it is, and why."""
    jax = versions.get("jax")
    plugin = next((name for name in PLUGINS if name in versions), None)
    extra = PLUGINS.get(plugin, "")
    fits = not extra.startswith("cuda") or versions[plugin] == versions.get("jaxlib")
    family = [n for n in versions if n in ("jax", "jaxlib", "libtpu") or n.startswith("jax-cuda")]
    numpy = [f"numpy=={versions['numpy']}"] if versions.get("numpy", "0") >= "2" else []
    if jax and fits and as_numbers(jax) >= as_numbers(OLDEST_JAX):
        pins = [f"{name}=={versions[name]}" for name in family]
        return [], pins + numpy, f"jax {jax} of this runtime stays as it is"
    if not jax:
        return [f"jax>={OLDEST_JAX}"], numpy, "no jax is installed: pip chooses the newest"
    target = OLDEST_JAX
    if extra.startswith("cuda"):
        target = max(versions[plugin], OLDEST_JAX, key=as_numbers)
    wanted = f"jax[{extra}]=={target}" if extra else f"jax=={target}"
    misfit = f"does not fit its {plugin} {versions.get(plugin)}"
    reason = f"is older than {OLDEST_JAX}" if fits else misfit
    return [wanted], numpy, f"jax {jax} of this runtime {reason}: {wanted} takes its place"


def as_numbers(version):
    """Returns the leading numbers of a version, for comparisons."""
    return tuple(int(part) for part in re.match(r"[0-9.]*[0-9]", version)[0].split("."))


def choose_source(project, folder):
    """Returns what to install: an uploaded file, the checkout around this folder, or `project`."""
    uploaded = [p for kind in ("whl", "zip", "tar.gz") for p in folder.glob(f"alphatensor*.{kind}")]
    if uploaded:
        return str(max(uploaded, key=lambda path: path.stat().st_mtime))
    for near in (folder, folder.parent):
        if (near / "setup.py").exists() and (near / "alphatensor/__init__.py").exists():
            return str(near)
    if "://" not in project and not (folder / project).exists():
        raise Stop(f"PROJECT={project!r}: no such file or folder in {folder}.")
    return project if "://" in project else str(folder / project)


def fetch(address, folder):
    """Downloads the project's archive into a folder; returns its path."""
    is_file = address.endswith((".whl", ".zip", ".tar.gz"))
    archive = address if is_file else f"{address.rstrip('/')}/archive/HEAD.zip"
    advice = (
        "Upload a wheel or zip of the project, named alphatensor..., beside this notebook and run "
        "this cell again."
    )
    if "OWNER/REPOSITORY" in address:
        raise Stop(f"PROJECT={address!r} is no address yet. Set it, or: {advice}")
    path = pathlib.Path(folder) / archive.rsplit("/", 1)[1]
    try:
        with urllib.request.urlopen(archive, timeout=30) as response:
            path.write_bytes(response.read())
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise Stop(f"PROJECT={address!r} cannot be reached ({reason}). {advice}") from None
    return str(path)


def install(source, wanted, pins):
    """Lets pip install the project; pip resolves everything before it changes anything."""
    with tempfile.TemporaryDirectory() as folder:
        if "://" in source:
            source = fetch(source, folder)
        constraints = pathlib.Path(folder) / "constraints.txt"
        constraints.write_text("\n".join(pins))
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command = [*pip, "--constraint", str(constraints), *wanted, source]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["pip said nothing"]
        errors = [line for line in lines if line.startswith("ERROR")] or lines
        raise Stop(f"pip could not install {source}: {errors[0].removeprefix('ERROR: ')}")


def set_up(project, folder):
    """Installs the project unless it is there; says in a line each what it did."""
    versions = installed_versions()
    if not is_ready(versions):
        wanted, pins, line = choose_jax(versions)
        source = choose_source(project, folder)
        print(f"{line}. Installing {source} ...")
        install(source, wanted, pins)
        importlib.invalidate_caches()
        if wanted and "jax" in sys.modules:
            raise Stop("another jax was installed; restart the runtime and run this cell again.")
        if not is_ready(installed_versions()):
            raise Stop(f"{source} was installed, but is not the project.")
    import jax

    version = importlib.metadata.version("alphatensor")
    device = jax.devices()[0].device_kind
    print(f"alphatensor {version}, jax {jax.__version__} on {jax.default_backend()} ({device})")


if __name__ == "__main__":  # which it is in a notebook
    set_up(PROJECT, pathlib.Path.cwd())
