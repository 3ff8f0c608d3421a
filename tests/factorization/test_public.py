"""The public names exist, and importing them is quick."""

import subprocess
import sys

import pytest

from alphatensor import factorization
from alphatensor.factorization import analysis, io, library


@pytest.mark.parametrize("package", [factorization, analysis, io, library])
def test_every_public_name_exists_and_is_documented(package):
    assert package.__all__ == sorted(package.__all__)
    for name in package.__all__:
        value = getattr(package, name)
        assert value.__doc__ or not callable(value)
    with pytest.raises(AttributeError):
        _ = package.missing


def test_importing_loads_neither_jax_nor_matplotlib():
    program = (
        "import sys, alphatensor.factorization\n"
        "from alphatensor.factorization import analysis, io, library\n"
        "print([x for x in ('jax', 'matplotlib') if x in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout == "[]\n"
