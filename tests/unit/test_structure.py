"""docs/design.md against the tree: what it names is there, every room is named, and no room or file grows too wide."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DESIGN = (ROOT / "docs" / "design.md").read_text("utf-8")
CORE = ROOT / "src" / "fearec_cli"
PACKAGES = (CORE, ROOT / "plugins" / "fearec_plugins", ROOT / "adapters" / "fearec_adapters")
FOLDERS = [
    folder
    for package in PACKAGES
    for folder in (package, *package.rglob("*"))
    if folder.is_dir() and folder.name != "__pycache__" and any(folder.glob("*.py"))
]
# A component or a command a file: as many as there are.
ONE_A_FILE = {"filters", "attentions", "fusions", "losses", "commands", "datasets"}

(TREE,) = re.findall(r"^```\n(src/fearec_cli/.*?)^```$", DESIGN, re.MULTILINE | re.DOTALL)
GUESSES = re.findall(r"^\| .*\? \| (.+) \|$", DESIGN, re.MULTILINE)


def test_the_guess_list_names_files_that_there_are() -> None:
    named = [path for files in GUESSES for path in files.replace("\\", "").split(", ")]
    assert len(named) >= 20
    assert [path for path in named if not (CORE / path).is_file()] == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_every_room_is_in_the_tree(folder: Path) -> None:
    name = "fearec_cli" if folder == CORE else folder.name
    assert re.search(rf"\b{name}/", TREE)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_room_has_few_files_and_none_is_long(folder: Path) -> None:
    files = [file for file in folder.glob("*.py") if file.name != "__init__.py"]
    assert folder.name in ONE_A_FILE or len(files) <= (6 if folder == CORE else 12)
    assert [file.name for file in files if file.read_text("utf-8").count("\n") > 400] == []


ROOMS = {
    name: text
    for name, text in re.findall(r"^ +(\w+)/ +(\S.*(?:\n {20,}.*)*)", TREE, re.MULTILINE)
    if name not in {"testing", "presets", "hub"}  # described by what is in them
}


@pytest.mark.parametrize("room", ROOMS)
def test_the_tree_names_the_files_that_there_are(room: str) -> None:
    (folder,) = [folder for folder in FOLDERS if folder.name == room]
    modules = {file.stem for file in folder.glob("*.py")} - {"__init__"}
    assert {module for module in modules if not re.search(rf"\b{module}\b", ROOMS[room])} == set()
    plain = re.sub(r"\([^()]*\)", "", " ".join(ROOMS[room].replace("()", "").split()))
    named = {name.strip() for name in re.split(r"[,;]", plain) if re.fullmatch(r"\s*[a-z_]+\s*", name)}
    assert named <= modules
