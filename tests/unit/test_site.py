"""The documentation builds as a site, without a broken link, and its reference has every public name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import fearec_cli
from fearec_cli import api, errors, testing

ROOT = Path(__file__).parents[2]
FUNCTIONS = {name for name in fearec_cli.__all__ if name.islower()}
EXCEPTIONS = {
    name for name, value in vars(errors).items() if isinstance(value, type) and value.__module__ == errors.__name__
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built; a warning is an error."""
    directory = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(directory)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return directory


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("package", FUNCTIONS),
        ("api", set(api.__all__)),
        ("testing", set(testing.__all__)),
        ("errors", EXCEPTIONS),
    ],
)
def test_a_reference_page_has_every_public_name(site: Path, page: str, names: set[str]) -> None:
    text = (site / "reference" / page / "index.html").read_text(encoding="utf-8")
    shown = set(re.findall(r'id="fearec_cli\.[\w.]*?(\w+)"|<code>(\w+)</code>', text))
    assert names <= {name for pair in shown for name in pair}
