"""One HTML page that needs no network: sentences, tables and interactive pictures, for any screen, light and dark."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

import jinja2
import vl_convert
from markupsafe import Markup

from fearec_cli.insight.page.figures import Figure, Row

# Vega-Lite of the charts; the bundle has this version alone.
_VEGA_LITE = "v6.4"
# What the bundle offers to the page; this is the line that its documentation shows.
_EXPORTS = "window.vegaEmbed = vegaEmbed;"


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        key: its place, as in `#summary`.
        title: heading.
        sentences: findings.
        tables: rows of equal columns, each with a caption.
        figures: pictures.
    """

    key: str
    title: str
    sentences: Sequence[str] = ()
    tables: Sequence[tuple[str, Sequence[Row]]] = ()
    figures: Sequence[Figure] = field(default_factory=list)


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The page as text. Whatever comes from a file is escaped."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["cell"] = _cell
    text = (resources.files("fearec_cli.insight.page") / "page.html.jinja").read_text("utf-8")
    specs = {figure.key: _spec(figure) for section in sections for figure in section.figures}
    return environment.from_string(text).render(
        title=title,
        subtitle=subtitle,
        sections=sections,
        # "</script>" inside a text would end the script that holds it.
        specs=Markup(json.dumps(specs).replace("</", "<\\/")),
        script=Markup(vl_convert.javascript_bundle(_EXPORTS, _VEGA_LITE).replace("</script", "<\\/script")),
    )


def _spec(figure: Figure) -> dict[str, Any]:
    spec: dict[str, Any] = figure.chart.to_dict()
    spec["background"] = None
    spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    axis = {"labelLimit": 170, "labelFlush": False, "labelSeparation": 8}
    spec.setdefault("config", {}).update(view={"stroke": None}, axis=axis, font="system-ui, sans-serif")
    return spec


def _cell(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
