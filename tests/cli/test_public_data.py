"""The table of public data sets in docs/data.md: each command on a small file in the exact form of the data set."""

import re
import shlex
from pathlib import Path

import pytest

from fearec_cli.data.prepared import open_prepared
from support.commands import done
from support.public_logs import FIRST, LAST, PUBLISHED

PAGE = Path(__file__).parents[2] / "docs" / "data.md"
COMMANDS = dict(re.findall(r"^\| (.+?) \| `fearec (prepare .+?)` \|", PAGE.read_text(), re.MULTILINE))


def test_the_table_has_every_data_set_and_thirty_at_least() -> None:
    assert list(COMMANDS) == list(PUBLISHED)
    assert len(COMMANDS) >= 30


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_command_brings_it_in_with_its_times(name: str) -> None:
    published = PUBLISHED[name]
    for file, content in published.written().items():
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).write_bytes(content)
    printed = done(*shlex.split(COMMANDS[name]), "--k-core", "0", "--out", "shop")
    prepared = open_prepared(Path("shop"))
    items = prepared.item_ids()
    spans = zip(prepared.user_ids(), prepared.offsets[:-1], prepared.offsets[1:], strict=True)
    assert {user: [items[item - 1] for item in prepared.items[start:end]] for user, start, end in spans} == (
        published.sequences()
    )
    period = re.search(r"^period +(.*)$", printed, re.MULTILINE)
    assert period is not None
    if "unit=order" in COMMANDS[name]:
        assert period[1] == "no times"
    else:
        assert re.fullmatch(rf"{FIRST}T\S+ to {LAST}T\S+", period[1])
