"""The same pictures in a terminal."""

import plotext  # type: ignore[import-untyped]

from fearec_cli.insight.page.figures import Figure

_HEIGHT = 14


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
    if figure.bars:
        numeric = all(isinstance(row[figure.x], int | float) for row in figure.rows)
        labels = [row[figure.x] if numeric else f"{row[figure.x]} {row[figure.series]}" for row in figure.rows]
        values = [float(row[figure.y]) for row in figure.rows]
        plotext.bar(labels, values, orientation="vertical" if numeric else "horizontal", width=0.5)
        if not numeric:
            plotext.plotsize(max(width, 30), len(labels) + 6)
    else:
        for name in names:
            rows = [row for row in figure.rows if str(row[figure.series]) == name]
            plotext.plot([row[figure.x] for row in rows], [row[figure.y] for row in rows], label=name)
    plotext.xlabel(figure.x)
    text: str = plotext.build()
    return text if colour else plotext.uncolorize(text)
