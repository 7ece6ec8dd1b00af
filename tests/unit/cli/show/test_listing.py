"""What is plugged in, as it is printed into a pipe: a line each, nothing cut."""

import pytest

from fearec_cli.api import Component, Field, Options
from fearec_cli.cli.show.listing import print_details, print_entries
from fearec_cli.components.registry import Broken, Registered


class NoOptions(Options):
    """Nothing to choose."""


class SomeOptions(Options):
    alpha: float = Field(0.6, gt=0, le=1, description="share [of the spectrum] kept")


def registered(name: str, kind: str, options: type[Options] = NoOptions) -> Registered:
    summary = f"What {name} does, " + "at great length, " * 20 + "to the end."
    component = Component(name=name, options=options, build=object, summary=summary, source="Somebody 2023 [1]")
    return Registered(component, kind, "theirs", "1.0")  # type: ignore[arg-type]


def test_a_line_each_by_kind(capsys: pytest.CaptureFixture[str]) -> None:
    long = "a-name-of-more-than-fifty-characters-to-be-printed-whole"
    entries = [registered("zeta", "filter"), registered(long, "filter"), registered("loss-one", "loss")]
    print_entries(entries, [Broken("other", "bad", "ImportError: no")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["filter", "package", "summary"]
    assert lines[1].startswith(f"{long}  theirs 1.0  What {long} does")
    assert lines[1].rstrip().endswith("to the end.")
    assert lines[2].startswith("zeta ")
    assert lines[4].split() == ["loss", "package", "summary"]
    assert lines[5].startswith("loss-one  theirs 1.0")
    assert "plugin 'bad' of package 'other' is not usable: ImportError: no" in lines


def test_details_show_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    print_details(registered("ramp", "filter", SomeOptions))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "name     ramp"
    assert lines[4] == "source   Somebody 2023 [1]"
    assert " ".join(lines[-1].split()) == "ramp.alpha float 0.6 > 0, <= 1 share [of the spectrum] kept"


def test_a_component_without_options_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_details(registered("none", "filter"))
    assert capsys.readouterr().out.endswith("It has no options.\n")
