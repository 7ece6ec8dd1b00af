"""The adapters from the command line: families of names, options by a family's name, locations after a colon."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from fearec_cli.cli.commands.datasets import datasets
from fearec_cli.data.preparing.pipeline import prepare_source
from fearec_cli.errors import ConfigError, DataError, FearecError, PluginError


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def listed(name: str) -> list[str]:
    app = typer.Typer()
    app.command()(datasets)
    result = CliRunner().invoke(app, [name])
    if isinstance(result.exception, FearecError):
        raise result.exception
    return result.output.splitlines()


def test_a_family_is_listed() -> None:
    lines = listed("movielens")
    assert [line.split()[0] for line in lines[1:]] == [
        f"movielens-{release}" for release in ("100k", "10m", "1m", "20m", "25m", "32m", "latest-small")
    ]
    # 34 categories of 2023, six of them without a 5-core file, and four that only older releases have.
    amazon = listed("amazon")
    assert len(amazon) == 1 + 38
    assert [line.split()[0] for line in amazon if "2023 from the Hub (no 5-core file)" in line] == [
        f"amazon-{name}"
        for name in (
            *("appliances", "digital-music", "fashion"),
            *("handmade-products", "health-and-personal-care", "subscription-boxes"),
        )
    ]


def test_a_whole_name_tells_all_and_a_wrong_one_is_answered() -> None:
    assert listed("amazon-beauty")[0].split() == ["name", "amazon-beauty"]
    with pytest.raises(PluginError, match="did you mean"):
        listed("movieland")


def test_options_go_by_the_name_of_the_source_or_of_its_family(workplace: Path) -> None:
    reviews = [
        {"reviewerID": f"u{user}", "asin": f"i{item}", "overall": 5, "unixReviewTime": 1_400_000_000 + item}
        for user in range(5)
        for item in range(5)
    ]
    file = workplace / "reviews_Beauty_5.json"
    file.write_text("".join(json.dumps(review) + "\n" for review in reviews))
    for prefix in ("amazon", "amazon-beauty"):
        prepared, _ = prepare_source("amazon-beauty", path=file, assignments=[f"{prefix}.year=2014"])
        assert (prepared.n_users, prepared.n_items) == (5, 5)
        assert prepared.manifest.source.options["year"] == 2014
    with pytest.raises(ConfigError, match="'yelp' is not the source"):
        prepare_source("amazon-beauty", path=file, assignments=["yelp.window=all"])


def test_dates_of_toml_reach_yelp(workplace: Path) -> None:
    lines = [
        {"user_id": "u", "business_id": f"b{day}", "stars": 4, "date": f"2019-01-0{day} 10:00:00"}
        for day in range(1, 8)
    ]
    file = workplace / "review.json"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    prepared, _ = prepare_source(
        "yelp", path=file, assignments=["yelp.since=2019-01-03"], settings={"k_core": 0, "min_length": 0}
    )
    assert prepared.item_ids() == ["b3", "b4", "b5", "b6", "b7"]
    assert prepared.manifest.source.options["since"] == "2019-01-03"


def test_a_location_goes_to_the_hub_alone() -> None:
    with pytest.raises(DataError, match=r"hub:only/two: names no file of a repository"):
        prepare_source("hub:only/two")
    with pytest.raises(ConfigError, match=r"csv\.location: there is no such option"):
        prepare_source("csv:a.csv")


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from fearec_cli.components.registry import load_adapters; load_adapters();"
        "print([name for name in ('torch', 'datasets', 'huggingface_hub', 'pandas', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
