"""The pictures of an inspection: each a chart with a title, a text for those who cannot see it, and its numbers."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import altair as alt
import numpy as np
import numpy.typing as npt

from fearec_cli.insight.inspection import Inspection
from fearec_cli.insight.periods import SIGNIFICANT, SIZE, LagHistogram, Unit, lag_name
from fearec_cli.insight.spectra import Energy, band_centres
from fearec_cli.insight.user import UserView

Row = Mapping[str, Any]
_HEIGHT = 220
_ABOVE, _BELOW = "more than by chance", "not more than by chance"
# Peaks that are named in a histogram, and lags between the marks of its axis.
_NAMES = 3
# Letters of a legend that stand beside each other on a phone.
_LEGEND = 44
_TICKS: dict[Unit, int] = {"hours": 12, "days": 7, "items": 5}


@dataclass(frozen=True)
class Figure:
    """A picture.

    Attributes:
        key: its anchor in the page, as in `#energy`.
        title: what it shows.
        text: how to read it, in a sentence or two.
        description: text for a screen reader.
        chart: the picture itself.
        rows: its numbers, one a row, for the table behind it.
        x: column along the horizontal axis.
        y: column along the vertical axis.
        series: column that distinguishes the lines or colours.
        bars: whether it is made of bars instead of lines.
    """

    key: str
    title: str
    text: str
    description: str
    chart: Any
    rows: Sequence[Row]
    x: str
    y: str
    series: str
    bars: bool = False


def figures(inspection: Inspection) -> list[Figure]:
    """The pictures of what was measured, in the order of the page."""
    return [
        *_gains_of_filters(inspection),
        *_energy(inspection),
        *_histograms("returns", "Returns to an item", inspection.returns),
        *_histograms("delays", "Delays that the model chooses", inspection.chosen),
        *_distances(inspection),
        *_weights(inspection),
        *_who_gains(inspection),
        *([] if inspection.user is None else _user(inspection.user)),
    ]


def curves(
    key: str, title: str, text: str, rows: Sequence[Row], x: str, y: str, series: str, *, zero: bool = False
) -> Figure:
    """Lines, one for each value of `series`, in the order in which they come.

    Args:
        zero: whether the vertical axis begins at 0.
    """
    named = _names(rows, series)
    chart = (
        _chart(rows, title)
        .mark_line(point=alt.OverlayMarkDef(size=24))
        .encode(
            x=alt.X(x, type="quantitative"),
            y=alt.Y(y, type="quantitative", scale=alt.Scale(zero=zero)),
            color=_colour(series, named),
            tooltip=_tooltip(rows, series, x, y),
        )
    )
    ends = ", ".join(f"{name} ends at {_last(rows, series, name, x)[y]:.4f}" for name in named)
    return Figure(key, title, text, f"Line chart of {y} over {x}: {ends}.", chart, rows, x, y, series)


def _gains_of_filters(inspection: Inspection) -> Iterator[Figure]:
    rows = [
        {"layer": f"layer {each.layer + 1}", "cycles an item": float(frequency), "gain": float(gain)}
        for each in inspection.filters
        for frequency, gain in zip(each.frequency, each.gain, strict=True)
    ]
    if rows:
        text = "Gain of each layer's filter. 0.5 cycles an item is a change with every item, 0 is what stays."
        yield curves("filters", "What each filter passes", text, rows, "cycles an item", "gain", "layer", zero=True)


def _energy(inspection: Inspection) -> Iterator[Figure]:
    def rows_of(stages: Iterable[Energy], of: str) -> Iterator[Row]:
        for stage in stages:
            for centre, share in zip(band_centres(), stage.share, strict=True):
                yield {"stage": of + stage.stage, "cycles an item": float(centre), "share of energy": float(share)}

    rows = [*rows_of(inspection.energy, ""), *rows_of(inspection.beside, "beside: ")]
    if rows:
        text = (
            "Energy of the representations by frequency, before the first layer and after each; a low-pass filter "
            "moves it to the left."
        )
        title = "Energy by frequency"
        yield curves("energy", title, text, rows, "cycles an item", "share of energy", "stage", zero=True)


def _histograms(key: str, title: str, found: Mapping[Unit, LagHistogram]) -> Iterator[Figure]:
    for unit, histogram in found.items():
        if not (histogram.counts.any() or histogram.expected.any()):
            continue
        rows = [
            {
                unit: lag + 1,
                "count": float(histogram.counts[lag]),
                "by chance": float(histogram.expected[lag]),
                "corrected p": float(histogram.p[lag]),
                "period": _ABOVE if histogram.p[lag] < SIGNIFICANT else _BELOW,
            }
            for lag in range(len(histogram.counts))
        ]
        named = [
            {unit: peak.lag, "count": peak.returns, "name": lag_name(key, unit, peak.lag)} for peak in histogram.periods
        ]
        along = alt.Scale(domain=[0, len(rows) + 1], nice=False)
        ticks = alt.Axis(values=list(range(0, len(rows) + 1, _TICKS[unit])), title=unit)
        up = alt.Scale(domainMin=0, domainMax=1.15 * max(histogram.counts.max(), histogram.expected.max()))
        count = alt.Y("count", type="quantitative", scale=up, title="count")
        bars = (
            _chart(rows, title)
            .transform_calculate(left=f"datum['{unit}'] - 0.4", right=f"datum['{unit}'] + 0.4")
            .mark_bar()
            .encode(
                x=alt.X("left", type="quantitative", scale=along, axis=ticks),
                x2="right",
                y=count,
                y2=alt.datum(0),
                color=_colour("period", [_BELOW, _ABOVE], ["#8a94a6", "#d9622b"]),
                tooltip=_tooltip(rows, unit, "count", "by chance", "corrected p"),
            )
        )
        chance = (
            alt.Chart(_data(rows))
            .mark_line(strokeDash=[4, 3], color="#5b7db1")
            .encode(x=alt.X(unit, type="quantitative"), y=alt.Y("by chance", type="quantitative", title="count"))
        )
        names = (
            alt.Chart(_data(named[:_NAMES]))
            .mark_text(dx=5, dy=-3, align="left")
            .encode(x=alt.X(unit, type="quantitative"), y=count, text=alt.Text("name", type="nominal"))
        )
        said = ", ".join(str(row["name"]) for row in named) or "none"
        text = (
            f"By lag in {unit}; the dashed line is the mean of {histogram.permutations} shuffles of each history. "
            f"Lags that stand out, corrected for the {len(rows)} looked at: {said}."
        )
        layers = (bars, chance, names) if named else (bars, chance)
        chart = alt.layer(*layers).properties(width="container", height=_HEIGHT)
        description = f"Histogram over lags in {unit}. Peaks: {said}."
        yield Figure(
            f"{key}-{unit}", f"{title}, in {unit}", text, description, chart, rows, unit, "count", "period", bars=True
        )


def _distances(inspection: Inspection) -> Iterator[Figure]:
    biases: list[Row] = [
        {"head": f"layer {each.layer + 1} {each.branch}, head {each.head + 1}", "items back": back, "bias": float(bias)}
        for each in inspection.biases
        for back, bias in enumerate(each.bias)
    ]
    if biases:
        text = "What each head adds to the score of a pair of positions, by the items between them."
        yield curves("biases", "Distance biases of attention", text, biases, "items back", "bias", "head")
    if inspection.repeats is not None:
        rows: list[Row] = [
            {"of": "repeats", "items back": back, "added": float(added)}
            for back, added in enumerate(inspection.repeats)
        ]
        text = "What the model adds to the score of an item of the history, by how many items back it was last seen."
        yield curves("repeats", "Scores of items that come again", text, rows, "items back", "added", "of")


def _weights(inspection: Inspection) -> Iterator[Figure]:
    rows = [
        {"layer": f"layer {each.layer + 1}", "branch": name, "share": share}
        for each in inspection.weights
        for name, share in zip(inspection.branches, each.share, strict=True)
    ]
    if rows:
        chart = (
            _chart(rows, "Weight of the branches")
            .mark_bar()
            .encode(
                x=alt.X("share", type="quantitative", stack="normalize", axis=alt.Axis(format="%", tickCount=5)),
                y=alt.Y("layer", type="nominal", title=None),
                color=_colour("branch", inspection.branches),
                tooltip=_tooltip(rows, "layer", "branch", "share"),
            )
        ).properties(height=90)
        text = "How much a layer's joined output changes when a branch is silent, as a share over the branches."
        said = "; ".join(f"{row['layer']} {row['branch']} {row['share']:.0%}" for row in rows)
        title = "Weight of the branches"
        yield Figure(
            "weights", title, text, f"Stacked bars: {said}.", chart, rows, "layer", "share", "branch", bars=True
        )


def _who_gains(inspection: Inspection) -> Iterator[Figure]:
    rows = [
        {
            "users": f"{gain.by}: {gain.group}",
            "branch": gain.branch,
            "gain in NDCG@10": gain.gain,
            "low": gain.low,
            "high": gain.high,
            "targets": gain.users,
            "from": gain.range[0],
            "to": gain.range[1],
        }
        for gain in inspection.gains
    ]
    if not rows:
        return
    base = _chart(rows, "Who gains from a branch").encode(
        y=alt.Y("users", type="nominal", title=None, sort=None, axis=alt.Axis(labelLimit=170)),
        yOffset=alt.YOffset("branch", type="nominal", sort=list(inspection.branches)),
        color=_colour("branch", inspection.branches),
        tooltip=_tooltip(rows, "users", "branch", "gain in NDCG@10", "low", "high"),
    )
    label = "gain in NDCG@10"
    nothing = alt.Chart(_data([{"nothing": 0}])).mark_rule(strokeDash=[4, 3], color="#8a94a6")
    chart = alt.layer(
        nothing.encode(x=alt.X("nothing", type="quantitative", title=label)),
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low", type="quantitative", title=label), x2="high"),
        base.mark_point(filled=True, size=50, opacity=1).encode(x=alt.X(label, type="quantitative")),
    ).properties(width="container", height=24 * len({row["users"] for row in rows}))
    text = (
        "NDCG@10 of the whole model minus that without the branch, by terciles of the users' histories: right of the "
        "dashed line the branch helps. The intervals of all groups together hold with 95 %."
    )
    said = "; ".join(f"{row['branch']}, {row['users']}: {row['gain in NDCG@10']:+.4f}" for row in rows)
    title = "Who gains from a branch"
    yield Figure("gains", title, text, f"{said}.", chart, rows, "users", "gain in NDCG@10", "branch", bars=True)


def _user(user: UserView) -> Iterator[Figure]:
    times = user.timestamps
    along = "position" if times is None else "time"
    read = {f"delays of layer {layer + 1}": user.read_by(layer) for layer in sorted({d.layer for d in user.delays})}
    rows = [
        {
            "position": at + 1,
            **({} if times is None else {"time": datetime.fromtimestamp(int(times[at]) / 1e6, UTC).isoformat()}),
            "item": item,
            "by": by,
            "weight": float(weight[at]),
        }
        for by, weight in {**user.attention, **read}.items()
        for at, item in enumerate(user.items)
    ]
    named = _names(rows, "by")
    chart = (
        _chart(rows, "One user's history")
        .mark_circle(opacity=0.75)
        .encode(
            x=alt.X("position", type="quantitative", scale=alt.Scale(padding=14, zero=False))
            if times is None
            else alt.X("time", type="temporal", scale=alt.Scale(padding=14), axis=alt.Axis(format=_form(times))),
            y=alt.Y("by", type="nominal", title=None, sort=named),
            size=alt.Size("weight", type="quantitative", legend=None, scale=alt.Scale(range=[8, 500])),
            color=alt.Color("by", type="nominal", legend=None, sort=named),
            tooltip=_tooltip(rows, along, "item", "by", "weight"),
        )
    ).properties(height=50 * len(named))
    text = (
        "Where each branch of the last layer looks, and what the delays of each layer read: the larger a circle, the "
        "more the item counts."
    )
    most = {branch: user.items[int(weight.argmax())] for branch, weight in user.attention.items()}
    said = "; ".join(f"{branch} looks most at {item}" for branch, item in most.items())
    title = "One user's history"
    yield Figure("user", title, text, f"{said}.", chart, rows, "position", "weight", "by")


def _form(times: npt.NDArray[np.int64]) -> str:
    """How moments are written along an axis: with hours where days would repeat."""
    return "%d %b %H:%M" if times[-1] - times[0] < 4 * SIZE["days"] else "%d %b %Y"


def _chart(rows: Sequence[Row], title: str) -> Any:
    return alt.Chart(_data(rows), description=title).properties(width="container", height=_HEIGHT)


def _data(rows: Sequence[Row]) -> Any:
    return alt.Data(values=[dict(row) for row in rows])  # type: ignore[no-untyped-call]


def _names(rows: Sequence[Row], series: str) -> list[str]:
    """Values of a column, each once, in the order in which they come."""
    return list(dict.fromkeys(str(row[series]) for row in rows))


def _colour(series: str, names: Sequence[str], colours: Sequence[str] | None = None) -> Any:
    """A colour for each name; under the picture, in as many columns as a phone has room for, what it stands for."""
    wide = sum(len(name) + 4 for name in names) > _LEGEND
    columns = 0 if not wide else 1 if max(map(len, names)) > _LEGEND // 2 - 4 else 2
    legend = alt.Legend(title=None, orient="bottom", columns=columns, labelLimit=0)
    scale = alt.Scale(domain=list(names)) if colours is None else alt.Scale(domain=list(names), range=list(colours))
    return alt.Color(series, type="nominal", scale=scale, legend=legend if len(names) > 1 else None)


def _tooltip(rows: Sequence[Row], *names: str) -> list[Any]:
    """The columns that are shown on hover."""
    return [
        alt.Tooltip(name, type="quantitative", format=",.4~g")
        if isinstance(rows[0][name], float)
        else alt.Tooltip(name, type="nominal")
        for name in names
    ]


def _last(rows: Sequence[Row], series: str, name: str, x: str) -> Row:
    return max((row for row in rows if str(row[series]) == name), key=lambda row: row[x])
