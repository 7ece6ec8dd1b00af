"""How recommendations are shown."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from fearec_cli.cli.show.listing import make_table
from fearec_cli.components.expressions import branches
from fearec_cli.model.branches import only
from fearec_cli.serving.histories import History
from fearec_cli.serving.recommender import Recommendations, Recommender
from fearec_cli.serving.writers import UNKNOWN


def print_answers(console: Console, histories: Sequence[History], found: Recommendations) -> None:
    """A table of one history; a line each of several."""
    if len(histories) == 1:
        table = make_table("rank", "item", "score")
        for rank, (item, score) in enumerate(zip(found.items[0], found.scores[0], strict=True), 1):
            table.add_row(str(rank), Text(item), f"{score:.4f}")
        console.print(table)
        if found.unknown[0]:
            console.print(f"{found.unknown[0]} of {len(histories[0].items)} items are unknown and were left out")
        return
    for history, items in zip(histories, found.items, strict=True):
        console.print(f"{history.user}: {', '.join(items) or UNKNOWN}", soft_wrap=True)


def print_similar(console: Console, similar: Sequence[tuple[str, float]], *, as_json: bool) -> None:
    """Items and cosines."""
    if as_json:
        typer.echo(json.dumps([{"item": item, "cosine": cosine} for item, cosine in similar], ensure_ascii=False))
        return
    table = make_table("rank", "item", "cosine")
    for rank, (item, cosine) in enumerate(similar, 1):
        table.add_row(str(rank), Text(item), f"{cosine:.4f}")
    console.print(table)


def print_alone(console: Console, recommender: Recommender, history: History, k: int) -> None:
    """What each branch would recommend alone; a model of one branch has nothing to tell apart."""
    names = branches(recommender.checkpoint.recipe.config.attention)
    if len(names) < 2:
        console.print(f"the model has one branch, {names[0]}")
        return
    for index, name in enumerate(names):
        with only(recommender.checkpoint.encoder, index):
            found = recommender.recommend([history.items], k)
        console.print(f"{name} alone: {', '.join(found.items[0])}", soft_wrap=True)


@contextmanager
def counting(console: Console) -> Iterator[Callable[[int], None]]:
    """Users and rate on one line, where a person looks on."""
    columns = (TextColumn("{task.completed:,.0f} users, {task.speed:,.0f}/s", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("users", total=None)
        yield lambda done: bar.update(task, completed=done)
