"""`fearec recommend`: items for histories that training never saw."""

import json
import re
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from fearec_cli.cli.arguments import CheckpointFile, Device
from fearec_cli.errors import ConfigError, DataError
from fearec_cli.system.parsing import ParseError, read_bounded

_SHARD = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")
# Bytes of a list of ids.
_LARGEST_LIST = 2**30


def recommend(
    checkpoint: CheckpointFile,
    history: Annotated[
        str | None,
        typer.Option(
            metavar="ID,ID,...",
            help='One history, oldest item first; as ["a b", "c,d"] where ids have blanks or commas.',
            rich_help_panel="Histories",
        ),
    ] = None,
    users: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A log of many users (csv, tsv, jsonl, parquet, .inter; packed or not, a pattern of files), a .txt "
            "with one history a line, or .parquet with a row a user: user, items.",
            rich_help_panel="Histories",
        ),
    ] = None,
    stdin: Annotated[
        bool,
        typer.Option("--stdin", help="One history a line, from standard input.", rich_help_panel="Histories"),
    ] = False,
    similar_to: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Items like this one, by the model's item vectors.", rich_help_panel="Histories"
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FORMAT.OPTION=VALUE",
            help="Option of the reader of --users, as in csv.user=customer.",
            rich_help_panel="Histories",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Only every N-th user from the I-th on, I from 1.", rich_help_panel="Histories"
        ),
    ] = None,
    k: Annotated[int, typer.Option("--k", min=1, metavar="N", help="Items for each history.")] = 10,
    seen: Annotated[
        str, typer.Option(metavar="exclude|include", help="Whether items of the history are recommended.")
    ] = "exclude",
    only: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Recommend only these items, one id a line.")
    ] = None,
    except_: Annotated[
        Path | None, typer.Option("--except", metavar="FILE", help="Never recommend these items, one id a line.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also show what each branch of the model would recommend alone.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each history.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write to a .parquet, .jsonl or .csv file; with --engine ray, a directory."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file at --out.")] = False,
    engine: Annotated[
        str,
        typer.Option(metavar="local|ray", help="What answers --users: this process, or Ray.", rich_help_panel="Engine"),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Ray cluster, or auto for the one of this machine.  [default: one is started here]",
            show_default=False,
            rich_help_panel="Engine",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Ray actors, each with a CPU or, with --device cuda, a GPU.  [default: as many as there are]",
            show_default=False,
            rich_help_panel="Engine",
        ),
    ] = None,
    device: Device = "auto",
) -> None:
    """Recommend items for any history of item ids; the data set is not needed.

    Items that the model does not know are left out and counted. Equal scores keep the order of the catalogue.
    """
    from fearec_cli.cli.show.console import make_console
    from fearec_cli.cli.show.recommendations import alone, counting, print_alone, print_answers, print_similar
    from fearec_cli.devices.placement import choose_device
    from fearec_cli.runs.checkpoint import load_checkpoint
    from fearec_cli.runs.hub import on_hub
    from fearec_cli.serving.histories import History, blocks_of, read_lines, read_users, shard_of, standard_input
    from fearec_cli.serving.recommender import Recommendations, Recommender
    from fearec_cli.serving.tables import blocks_of_table, is_table, pieces_of
    from fearec_cli.serving.writers import answers, writer
    from fearec_cli.system.atomic import atomic_directory

    console = make_console()
    given = [name for name, value in _inputs(history, users, stdin, similar_to).items() if value]
    if len(given) != 1:
        named = f", not {' and '.join(given)}" if given else ""
        raise ConfigError([f"give one of --history, --users, --stdin and --similar-to{named}"])
    if seen not in ("exclude", "include"):
        raise ConfigError([f"--seen {seen}: give exclude or include"])
    if out is not None and out.exists() and not force and engine == "local":
        raise ConfigError([f"--out {out}: already exists; choose another file, or use --force to replace it"])
    options = {"--out": out, "--explain": explain, "--only": only, "--except": except_, "--shard": shard, "--set": set_}
    _check_fit(given[0], options)
    alone_here = {"--json": as_json, "--force": force, "--shard": shard, "--set": set_}
    if engine == "ray":
        _check_ray(given[0], out, device, alone_here)
    else:
        _check_local(engine, {"--address": address, "--workers": workers})
    part = _parse_shard(shard)
    recommender = Recommender(load_checkpoint(checkpoint, choose_device("cpu" if engine == "ray" else device)))
    if similar_to is not None:
        print_similar(console, recommender.similar(similar_to, k), as_json=as_json)
        return
    question: dict[str, Any] = {
        "k": k,
        "seen": seen,
        "only": None if only is None else _read_ids(only),
        "without": [] if except_ is None else _read_ids(except_),
    }

    def answer(block: list[History]) -> Recommendations:
        return recommender.recommend([each.items for each in block], **question)

    if history is not None:
        one = next(read_lines([history.replace("\n", " ")], "--history: "))._replace(user="history")
        found = answer([one])
        if not found.items[0] and found.unknown[0] == len(one.items):
            raise DataError(f"--history: the model knows none of its {len(one.items)} items")
        by_branch = alone(recommender, lambda: answer([one])) if explain else {}
        if as_json:
            explained = {"alone": by_branch} if explain else {}
            typer.echo(json.dumps({**next(answers([one], found)), **explained}, ensure_ascii=False))
        elif out is None:
            print_answers(console, [one], found)
        if explain and not as_json:
            print_alone(console, by_branch)
        if out is not None:
            with writer(out) as write:
                write([one], found)
            console.print(f"wrote {out}", soft_wrap=True)
        return
    if engine == "ray" and users is not None and out is not None:
        from fearec_cli.serving.on_ray import Job, answer_on_ray

        answer([])  # what is wrong with the question is said here, not by every worker
        pieces = pieces_of(Path(users))
        with atomic_directory(out) as place, counting(console) as count:
            there = checkpoint if on_hub(checkpoint) else checkpoint.absolute()
            on = "cuda" if device == "cuda" else "cpu"
            job = Job(there, recommender.checkpoint.info, on, question, place.absolute())
            answer_on_ray(job, pieces, address=address, workers=workers, on_users=count)
        console.print(f"wrote {out}: {sum(piece.rows for piece in pieces):,} users", soft_wrap=True)
        return
    if users is not None and is_table(Path(users)):
        if set_:
            raise ConfigError([f"--set: {users} is a table of histories, whose columns are user and items"])
        blocks = blocks_of_table(Path(users))
        if shard:
            blocks = blocks_of(shard_of(chain.from_iterable(blocks), *part))
    else:
        source = standard_input() if users is None else read_users(Path(users), set_ or ())
        blocks = blocks_of(shard_of(source, *part))
    total = 0
    if out is None:
        for block in blocks:
            found = answer(block)
            if as_json:
                for each in answers(block, found):
                    typer.echo(json.dumps(each, ensure_ascii=False))
            else:
                print_answers(console, block, found)
        return
    with writer(out) as write, counting(console) as count:
        for block in blocks:
            write(block, answer(block))
            total += len(block)
            count(total)
    console.print(f"wrote {out}: {total:,} users", soft_wrap=True)


def _inputs(history: str | None, users: str | None, stdin: bool, similar_to: str | None) -> dict[str, object]:
    return {
        "--history": history is not None,
        "--users": users is not None,
        "--stdin": stdin,
        "--similar-to": similar_to is not None,
    }


def _check_fit(given: str, options: Mapping[str, object]) -> None:
    """Refuse options that what is given would have to ignore."""
    ignored = {
        "--similar-to": ("--out", "--explain", "--only", "--except", "--shard", "--set"),
        "--history": ("--shard", "--set"),
        "--users": ("--explain",),
        "--stdin": ("--explain", "--set"),
    }[given]
    problems = [f"{option}: does not go with {given}; leave it out" for option in ignored if options[option]]
    if problems:
        raise ConfigError(problems)


def _check_local(engine: str, of_ray: Mapping[str, object]) -> None:
    problems = [] if engine == "local" else [f"--engine {engine}: give local or ray"]
    problems += [f"{name}: only goes with --engine ray; leave it out" for name in of_ray if of_ray[name] is not None]
    if problems:
        raise ConfigError(problems)


def _check_ray(given: str, out: Path | None, device: str, alone_here: Mapping[str, object]) -> None:
    """Refuse what Ray does not answer or would have to ignore.

    Args:
        given: the option that names the histories.
        out: of the answers.
        device: of a worker.
        alone_here: options that are the local engine's.
    """
    from fearec_cli.cli.show.extras import require
    from fearec_cli.serving.writers import ENDINGS

    require("ray")
    problems = [f"{option}: does not go with --engine ray; leave it out" for option in alone_here if alone_here[option]]
    if given != "--users":
        problems.append(f"--engine ray: answers --users, not {given}")
    if out is None or out.suffix in ENDINGS:
        problems.append("--engine ray: writes a directory of .parquet files; name one, as in --out answers")
    if device not in ("auto", "cpu", "cuda"):
        problems.append(f"--device {device}: with --engine ray give cpu or cuda; Ray chooses which")
    if problems:
        raise ConfigError(problems)


def _parse_shard(text: str | None) -> tuple[int, int]:
    """Index from 0, and number of shards."""
    if text is None:
        return 0, 1
    match = _SHARD.fullmatch(text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError([f"--shard {text}: give I/N with I from 1 to N, as in --shard 2/8"])
    return int(match[1]) - 1, int(match[2])


def _read_ids(file: Path) -> list[str]:
    try:
        text = read_bounded(file, _LARGEST_LIST)
    except (OSError, ParseError) as error:
        raise DataError(f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]
