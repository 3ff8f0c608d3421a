"""What the notebooks' first cell decides on a runtime, and what it says where it cannot go on."""

import os
import pathlib
import re
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]
sys.path.append(str(ROOT / "colab"))

import first_cell  # noqa: E402

OLDEST = first_cell.OLDEST_JAX
CUDA = {"jax-cuda12-plugin": "0.7.2", "jax-cuda12-pjrt": "0.7.2"}


def runtime(jax, **others):
    named = {name.replace("_", "-"): version for name, version in others.items()}
    return {"jax": jax, "jaxlib": jax, "numpy": "2.0.2"} | named


def test_the_oldest_jax_is_that_of_the_package():
    assert f'"jax>={OLDEST}"' in (ROOT / "setup.py").read_text()


@pytest.mark.parametrize(
    "versions",
    [
        runtime(OLDEST),
        runtime(OLDEST, jax_cuda12_plugin=OLDEST, jax_cuda12_pjrt=OLDEST),
        runtime(OLDEST, libtpu="0.0.23"),
        runtime("0.12.1", jax_cuda13_plugin="0.12.1"),
    ],
)
def test_a_jax_that_fits_is_kept_with_its_plugins(versions):
    wanted, pins, line = first_cell.choose_jax(versions)
    assert wanted == [] and "stays as it is" in line and "\n" not in line
    assert set(pins) == {f"{name}=={version}" for name, version in versions.items()}


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (runtime("0.6.2"), f"jax=={OLDEST}"),
        (runtime("0.6.2", jax_cuda12_plugin="0.6.2"), f"jax[cuda12]=={OLDEST}"),
        (runtime("0.6.2", libtpu="0.0.17"), f"jax[tpu]=={OLDEST}"),
        (runtime("0.12.0", jax_cuda12_plugin="0.7.2"), "jax[cuda12]==0.7.2"),
        (runtime("0.12.0", jax_cuda12_plugin="0.10.2"), "jax[cuda12]==0.10.2"),
        ({"numpy": "1.26.4"}, f"jax>={OLDEST}"),
    ],
)
def test_else_a_matching_set_is_installed_and_one_line_says_so(versions, expected):
    wanted, pins, line = first_cell.choose_jax(versions)
    assert wanted == [expected] and "\n" not in line
    assert not any(pin.startswith("jax") for pin in pins)
    assert expected in line or "no jax is installed" in line


def test_an_uploaded_file_is_taken_first_then_a_checkout(tmp_path):
    address = "https://github.com/OWNER/REPOSITORY"
    assert first_cell.choose_source(address, tmp_path) == address
    (tmp_path / "alphatensor").mkdir()  # a folder that has the name and nothing else
    (tmp_path / "setup.py").write_text("")
    assert first_cell.choose_source(address, tmp_path) == address
    assert first_cell.choose_source(address, ROOT / "colab") == str(ROOT)
    for age, name in enumerate(("alphatensor-main.zip", "alphatensor-0.1.0-py3-none-any.whl")):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (age, age))
    assert first_cell.choose_source(address, tmp_path).endswith(".whl")


def test_a_project_that_cannot_be_had_gets_one_line(tmp_path):
    for project, expected in {
        "there.zip": "PROJECT='there.zip': no such file or folder in",
        "https://github.com/OWNER/REPOSITORY": "is no address yet. Set it, or: Upload",
        "http://127.0.0.1:9/project": r"cannot be reached \(.*refused.*\). Upload",
        "http://[": "cannot be reached",
    }.items():
        with pytest.raises(first_cell.Stop, match=expected) as stop:
            source = first_cell.choose_source(project, tmp_path)
            first_cell.fetch(source, tmp_path)
        (line,) = stop.value._render_traceback_()
        assert "\n" not in line
    assert not list(tmp_path.iterdir())  # nothing is half-written


def test_an_address_is_fetched_whole(tmp_path):
    archive = tmp_path / "site/archive/HEAD.zip"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"project")
    fetched = first_cell.fetch((tmp_path / "site").as_uri(), tmp_path)
    assert pathlib.Path(fetched) == tmp_path / "HEAD.zip"
    assert pathlib.Path(fetched).read_bytes() == b"project"


def test_a_file_that_is_not_the_project_gets_pips_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    path = tmp_path / "alphatensor-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("readme.txt", "no package")
    with pytest.raises(first_cell.Stop, match=f"^pip could not install {path}: .*") as stop:
        first_cell.install(str(path), [], [])
    assert "\n" not in str(stop.value)


def test_a_folder_that_hides_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "alphatensor", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "alphatensor").mkdir()
    (tmp_path / "alphatensor/__init__.py").write_text("something = 'else'\n")
    versions = {"alphatensor": "0.1.0"}
    with pytest.raises(first_cell.Stop, match="alphatensor/__init__.py hides the installed"):
        first_cell.is_ready(versions)
    assert not first_cell.is_ready({})


def test_a_folder_of_the_name_alone_is_not_the_package(tmp_path):
    (tmp_path / "alphatensor").mkdir()
    code = f"import sys; sys.path[:] = ['', {str(ROOT / 'colab')!r}] + [p for p in sys.path if "
    code += "'site-packages' not in p and p]; import first_cell; "
    code += "print(first_cell.is_ready({'alphatensor': '0.1.0'}))"
    command = [sys.executable, "-S", "-c", code]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert re.fullmatch("False\n", done.stdout), done.stderr
