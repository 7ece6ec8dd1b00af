"""The same pictures in a terminal."""

import textwrap
from itertools import cycle

import plotext  # type: ignore[import-untyped]

from fearec_cli.insight.page.figures import Figure

_HEIGHT = 14
_SIGNS = "ox+*#%@="


def draw(figure: Figure, width: int, *, colour: bool) -> str:
    """A picture as text.

    Args:
        figure: what to draw.
        width: columns of the terminal.
        colour: whether the terminal shows colours.
    """
    plotext.clear_figure()
    plotext.theme("clear" if not colour else "default")
    plotext.plotsize(max(width, 30), _HEIGHT)
    plotext.title(figure.title)
    names = list(dict.fromkeys(str(row[figure.series]) for row in figure.rows))
    across = figure.x
    if figure.bars and all(isinstance(row[figure.x], int | float) for row in figure.rows):
        values = [float(row[figure.y]) for row in figure.rows]
        plotext.bar([row[figure.x] for row in figure.rows], values, width=0.5)
    elif figure.bars:
        # The first label stands at the bottom.
        rows = figure.rows[::-1]
        labels = [f"{row[figure.x]} {row[figure.series]}" for row in rows]
        plotext.bar(labels, [float(row[figure.y]) for row in rows], orientation="horizontal", width=0.5)
        plotext.plotsize(max(width, 30), len(labels) + 6)
        across = figure.y
    else:
        for name, sign in zip(names, cycle(_SIGNS), strict=False):
            rows = [row for row in figure.rows if str(row[figure.series]) == name]
            # Without colours only their signs tell lines apart.
            marker = "hd" if colour or len(names) == 1 else sign
            plotext.plot(
                [row[figure.x] for row in rows],
                [row[figure.y] for row in rows],
                label=name if colour and len(names) > 1 else None,
                marker=marker,
            )
    plotext.xlabel(across)
    text: str = plotext.build()
    if colour:
        return text
    signs = "  ".join(f"{sign} {name}" for name, sign in zip(names, cycle(_SIGNS), strict=False))
    legend = f"{textwrap.fill(signs, max(width, 30))}\n" if not figure.bars and len(names) > 1 else ""
    return f"{plotext.uncolorize(text)}{legend}"
