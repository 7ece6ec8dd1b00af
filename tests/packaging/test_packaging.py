"""What users install: the wheel, built from the sdist, in an environment of its own, with other people's parts.

Nothing is fetched: the environment sees the libraries of this one by a .pth file, which Python adds to the path
without following the .pth files in it, so that the editable install of fearec stays outside.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WAVELET = ROOT / "examples" / "fearec-wavelet"
KINDS = ("filter", "attention", "fusion", "loss", "adapter")
PARTS = {kind: f"my-{kind}" for kind in KINDS}
TINY = ("--max-steps", "1", "--device", "cpu", "--set", "model.dim=8", "--set", "model.inner=8")


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command to its end and give what it printed; its errors too if it fails."""
    # One thread: the models are tiny. Nothing of the development environment comes in by a variable.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"OMP_NUM_THREADS": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Environment:
    """A virtual environment that has what fearec needs, but not fearec."""

    def __init__(self, directory: Path) -> None:
        venv.create(directory, with_pip=False)
        self.home = directory.parent
        self.bin = directory / "bin"
        self.packages = Path(sysconfig.get_path("purelib", vars={"base": str(directory), "platbase": str(directory)}))
        (self.packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def install(self, *sources: Path) -> None:
        """Install wheels or source directories, alone and without an index."""
        options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed")
        run(sys.executable, "-m", "pip", "--python", self.bin / "python", "install", *options, *sources, cwd=self.home)

    def fearec(self, *arguments: str | Path) -> str:
        """Run the installed command."""
        return run(self.bin / "fearec", *arguments, cwd=self.home)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (sdist,) = out.glob("*.tar.gz")
    assert sdist.name.startswith("fearec-")
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment with fearec alone, and five packages that its `new-plugin` wrote."""
    environment = Environment(tmp_path_factory.mktemp("user") / "env")
    environment.install(wheel)
    # One process for all: each would import torch once more.
    code = (
        "from fearec_cli.cli.main import app\n"
        f"for kind, part in {PARTS}.items():\n"
        "    app(['new-plugin', 'fearec-' + part, '--kind', kind], standalone_mode=False)"
    )
    run(environment.bin / "python", "-c", code, cwd=environment.home)
    return environment


@pytest.fixture(scope="session")
def full(bare: Environment) -> Environment:
    """The same with the wavelet example and the five packages installed."""
    bare.install(WAVELET, *(bare.home / f"fearec-{part}" for part in PARTS.values()))
    (bare.home / "log.txt").write_text(
        "".join(f"user{user}\titem{(user + 3 * time) % 7}\t{time}\n" for user in range(9) for time in range(6))
    )
    return bare


def test_the_wheel_holds_all_that_is_needed_at_run_time(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    packages = {"src": "fearec_cli", "plugins": "fearec_plugins", "adapters": "fearec_adapters"}
    for place, package in packages.items():
        wanted = {
            file.relative_to(ROOT / place).as_posix()
            for file in (ROOT / place / package).rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        }
        assert f"{package}/py.typed" in wanted
        assert wanted <= packed
    assert "fearec_cli/presets/fearec.toml" in packed
    assert "fearec_cli/templates/pyproject.toml.template" in packed
    assert {name.split("/")[0] for name in packed if ".dist-info" not in name} == set(packages.values())


def test_the_wheel_is_what_runs(bare: Environment) -> None:
    code = (
        "import json, fearec_cli, fearec_plugins, fearec_adapters, importlib.metadata as metadata;"
        "modules = (fearec_cli, fearec_plugins, fearec_adapters);"
        "print(json.dumps([*(module.__file__ for module in modules),"
        " str(metadata.distribution('fearec').locate_file(''))]))"
    )
    places = json.loads(run(bare.bin / "python", "-c", code, cwd=bare.home))
    assert all(Path(place).is_relative_to(bare.packages) for place in places), places
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert bare.fearec("--version").strip() == f"fearec {version}"


def test_every_part_is_listed_with_its_package(full: Environment) -> None:
    listed = {line.split()[0]: line for line in full.fearec("components").splitlines() if line}
    listed |= {line.split()[0]: line for line in full.fearec("datasets").splitlines() if line}
    for part in PARTS.values():
        assert f"fearec-{part} 0.1.0" in listed[part]
    assert "fearec-wavelet 0.1.0" in listed["haar-wavelet"]
    assert "fearec-wavelet 0.1.0" in listed["wavelet-sparsity"]
    assert " fearec " in listed["window"]
    assert not any(line.startswith("plugin ") for line in listed.values())


def test_the_wavelet_example_trains(full: Environment) -> None:
    parts = ("--filter", "haar-wavelet", "--loss", "ce+0.1*wavelet-sparsity", "--set", "haar-wavelet.levels=2")
    full.fearec("prepare", "sequences", "--from", _sequences(full), "--out", "data/sequences")
    full.fearec("train", "data/sequences", *parts, *TINY, "--set", "model.max_length=5", "--out", "runs/wavelet")
    assert "wavelet-sparsity" in (full.home / "runs/wavelet/run.toml").read_text()
    assert "HR@10" in full.fearec("evaluate", "runs/wavelet/best.safetensors", "data/sequences")


def test_one_generated_part_of_each_kind_trains(full: Environment) -> None:
    full.fearec("prepare", PARTS["adapter"], "--from", "log.txt", "--k-core", "0", "--out", "data/mine")
    parts = ("--filter", PARTS["filter"], "--attention", f"ramp+{PARTS['attention']}", "--fusion", PARTS["fusion"])
    loss = ("--loss", f"ce+0.1*{PARTS['loss']}")
    full.fearec("train", "data/mine", *parts, *loss, *TINY, "--out", "runs/mine")
    written = (full.home / "runs/mine/run.toml").read_text()
    assert all(f"[{PARTS[kind]}]" in written for kind in ("filter", "attention", "fusion", "loss"))


def test_the_packages_pass_their_own_tests(full: Environment) -> None:
    tests = [WAVELET / "tests", *(full.home / f"fearec-{part}" / "tests" for part in PARTS.values())]
    options = ("-q", "-p", "no:cacheprovider", "--import-mode=importlib", f"--rootdir={full.home}")
    assert " passed" in run(full.bin / "python", "-m", "pytest", *options, *tests, cwd=full.home)


def test_the_packages_keep_the_style_that_they_declare(full: Environment) -> None:
    for part in PARTS.values():
        for command in (("check",), ("format", "--check")):
            run(sys.executable, "-m", "ruff", *command, "--no-cache", ".", cwd=full.home / f"fearec-{part}")


def _sequences(environment: Environment) -> Path:
    file = environment.home / "sequences.txt"
    file.write_text(
        "".join(f"user{user} " + " ".join(f"i{(user + 2 * t) % 5}" for t in range(5)) + "\n" for user in range(8))
    )
    return file
