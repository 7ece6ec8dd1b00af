"""Where runs are put, and which places are refused."""

from pathlib import Path

import pytest

from fearec_cli.errors import OutputError
from fearec_cli.training.directory import claim_run_directory, new_run_directory


def test_a_new_directory_is_beside_the_others(tmp_path: Path) -> None:
    assert new_run_directory(tmp_path, "demo") == tmp_path / "demo"
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo-2").write_text("")
    assert new_run_directory(tmp_path, "demo") == tmp_path / "demo-3"


def test_a_directory_that_is_taken_is_refused(tmp_path: Path) -> None:
    claim_run_directory(tmp_path)
    claim_run_directory(tmp_path / "new")
    (tmp_path / "file").write_text("")
    for taken in (tmp_path, tmp_path / "file"):
        with pytest.raises(
            OutputError, match=r"is not empty; choose another --out, continue .* --resume, or remove it"
        ):
            claim_run_directory(taken)
