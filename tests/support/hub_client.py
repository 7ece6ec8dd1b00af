"""The real clients of the Hub in processes of their own: what a stand-in is spoken to by."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_FEAREC = "from fearec_cli.cli.main import main; main()"

# Reads queries [repository, path, revision] in JSON, fetches all of them at once, and answers, for each, with what
# came of it and the seconds it took.
_FETCH = """
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
from fearec_adapters.hub.download import fetch
from fearec_cli.errors import DataError

def outcome(query):
    begun = time.monotonic()
    try:
        found = fetch(*query).commit
    except DataError as error:
        found = f"error: {error}"
    return [found, time.monotonic() - begun]

queries = json.loads(sys.argv[1])
with ThreadPoolExecutor(len(queries)) as threads:
    print(json.dumps(list(threads.map(outcome, queries))), flush=True)
"""

# Fetches models, or pushes one, all at once, and answers with what was said of each.
_MODELS = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from fearec_cli.errors import FearecError
from fearec_cli.runs.hub import located
from fearec_cli.serving.push import push

def outcome(name):
    try:
        if sys.argv[1] == "fetch":
            return str(located(Path("hub:" + name)))
        return push(Path(sys.argv[2]), "# card", name, private=True, replace=False)
    except FearecError as error:
        return f"error: {error}"

names = json.loads(sys.argv[3])
with ThreadPoolExecutor(len(names)) as threads:
    print(json.dumps(list(threads.map(outcome, names))), flush=True)
"""

# Reads a table of names, each an adapter and its options, and answers with the rows of each, or what it said, and
# whether the strict reader of comma-separated files had to help.
_READ = """
import json, sys
from fearec_adapters.reading.delimited import Table
from fearec_cli.errors import DataError
from fearec_cli.components.registry import load_adapters

helped = []
strict = Table.frame
Table.frame = lambda table, *arguments: helped.append(table) or strict(table, *arguments)

def outcome(name, options):
    helped.clear()
    component = load_adapters().get("adapter", name).component
    try:
        log = component.build(component.options(**options)).read(None)
        frame = log.frame.collect()
        rows = frame.select(name for name in ("user", "item", "timestamp", "rating") if name in frame).rows()
    except DataError as error:
        return {"error": str(error)}
    source = log.source
    return {"rows": rows, "location": source.location, "revision": source.revision, "helped": bool(helped)}

print(json.dumps({name: outcome(*source) for name, source in json.loads(sys.argv[1]).items()}))
"""

Query = tuple[str, str, str]


def environment(url: str, home: Path, **more: str) -> dict[str, str]:
    """The variables of a process that knows no other Hub, no token and no cache than these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    alone = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", "NO_PROXY": "127.0.0.1"}
    return {**kept, **alone, "HF_ENDPOINT": url, "HF_HOME": str(home), **more}


class Fetching:
    """A process that fetches files, all of them at once, and ends when the last is there or given up.

    Attributes:
        warned: what it wrote on standard error, once the outcomes are there.
    """

    warned: str

    def __init__(self, queries: list[Query], env: dict[str, str]) -> None:
        self._queries = queries
        command = [sys.executable, "-c", _FETCH, json.dumps(queries)]
        self._process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def outcomes(self) -> dict[Query, tuple[str, float]]:
        """For each query the commit, or "error: " and the message, and the seconds until then."""
        output, self.warned = self._process.communicate(timeout=120)
        assert self._process.returncode == 0, self.warned
        found: list[Any] = json.loads(output)
        return {query: (text, seconds) for query, (text, seconds) in zip(self._queries, found, strict=True)}


class Outcomes:
    """A process that fetches models or pushes a checkpoint, all at once.

    Attributes:
        command: "fetch" or "push".
    """

    def __init__(self, command: str, names: list[str], env: dict[str, str], file: Path) -> None:
        self.command = command
        self._names = names
        started = [sys.executable, "-c", _MODELS, command, str(file), json.dumps(names)]
        self._process = subprocess.Popen(started, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def outcomes(self) -> dict[str, str]:
        """For each name its address, or "error: " and the message."""
        output, warned = self._process.communicate(timeout=120)
        assert self._process.returncode == 0, warned
        return dict(zip(self._names, json.loads(output), strict=True))


def fearec(*arguments: str, env: dict[str, str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    """The command line."""
    command = [sys.executable, "-c", _FEAREC, *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=120)


def read_sources(sources: dict[str, tuple[str, dict[str, Any]]], env: dict[str, str]) -> dict[str, Any]:
    """What adapters read from the Hub, one after another: for each its rows and source, or its error."""
    command = [sys.executable, "-c", _READ, json.dumps(sources)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found
