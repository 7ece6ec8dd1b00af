"""How recommendations are shown."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn

from fearec_cli.cli.show.console import print_list
from fearec_cli.components.expressions import branches
from fearec_cli.model.branches import only
from fearec_cli.serving.histories import History
from fearec_cli.serving.recommender import Recommendations, Recommender
from fearec_cli.serving.writers import reason


def print_answers(console: Console, histories: Sequence[History], found: Recommendations) -> None:
    """A table of one history; a line each of several."""
    if len(histories) == 1:
        best = enumerate(zip(found.items[0], found.scores[0], strict=True), 1)
        rows = [(str(rank), item, f"{score:.4f}") for rank, (item, score) in best]
        print_list(console, ("rank", "item", "score"), rows)
        if found.unknown[0]:
            console.print(f"{found.unknown[0]} of {len(histories[0].items)} items are unknown and were left out")
        return
    for history, items, unknown in zip(histories, found.items, found.unknown.tolist(), strict=True):
        console.print(f"{history.user}: {reason(history.items, items, unknown) or ', '.join(items)}", soft_wrap=True)


def print_similar(console: Console, similar: Sequence[tuple[str, float]], *, as_json: bool) -> None:
    """Items and cosines."""
    if as_json:
        typer.echo(json.dumps([{"item": item, "cosine": cosine} for item, cosine in similar], ensure_ascii=False))
        return
    rows = [(str(rank), item, f"{cosine:.4f}") for rank, (item, cosine) in enumerate(similar, 1)]
    print_list(console, ("rank", "item", "cosine"), rows)


def alone(recommender: Recommender, answer: Callable[[], Recommendations]) -> dict[str, list[str]]:
    """What each branch recommends alone; nothing for a model with one branch.

    Args:
        recommender: whose model is asked.
        answer: asks it for one history.
    """
    names = branches(recommender.checkpoint.recipe.config.attention)
    found = {}
    for index, name in enumerate(names if len(names) > 1 else ()):
        with only(recommender.checkpoint.encoder, index):
            found[name] = answer().items[0]
    return found


def print_alone(console: Console, by_branch: Mapping[str, Sequence[str]]) -> None:
    """A line for each branch."""
    for name, items in by_branch.items():
        console.print(f"{name} alone: {', '.join(items)}", soft_wrap=True)
    if not by_branch:
        console.print("the model has one branch")


@contextmanager
def counting(console: Console) -> Iterator[Callable[[int], None]]:
    """Users and rate on one line of a terminal."""
    columns = (TextColumn("{task.completed:,.0f} users, {task.speed:,.0f}/s", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("users", total=None)
        yield lambda done: bar.update(task, completed=done)
