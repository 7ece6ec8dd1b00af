"""The real clients of the Hub, in processes of their own, against a server on this machine."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.hub_server import HubServer, Repository

CSV = b"".join([b"user_id,asin,t\n", *(b"u%d,00%d,%d\n" % (n % 9, n % 7, 1_500_000_000 + n) for n in range(500))])

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(url: str, home: Path, **more: str) -> dict[str, str]:
    """The variables of a process that knows no other Hub, no token and no cache than these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    quiet = {
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "NO_PROXY": "127.0.0.1",
    }
    return {**kept, **quiet, "HF_ENDPOINT": url, "HF_HOME": str(home), **more}


def python(script: Path, argument: Any, env: dict[str, str]) -> Any:
    """What a script prints in JSON, given an argument in JSON."""
    command = [sys.executable, str(script), json.dumps(argument)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def fearec(*arguments: str, env: dict[str, str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    """The command line."""
    command = [sys.executable, "-m", "fearec_cli.cli.main", *arguments]
    return subprocess.run(command, env=env, cwd=cwd, capture_output=True, text=True, timeout=120)
