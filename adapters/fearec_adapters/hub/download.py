"""Files of the Hugging Face Hub: fetched once, by commit, and every way that it can fail in one line.

Only `hf_hub_download` speaks with the Hub: a HEAD and a GET for a file, no request at all once a commit's file is
in the cache, and work without a network from there. Data sets are never loaded by repository, which may run into
a script that `datasets` refuses.
"""

import logging
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fearec_adapters.reading.files import source_of
from fearec_cli.api import Source
from fearec_cli.errors import DataError

_LOG = logging.getLogger(__name__)
_COMMIT = re.compile(r"[0-9a-f]{40}")
# Seconds of silence before a try is given up; the clients read these once, when they are imported. They try six
# times for the bytes of a file, so that all of them are less than a minute.
_PATIENCE = {"HF_HUB_ETAG_TIMEOUT": "8", "HF_HUB_DOWNLOAD_TIMEOUT": "8"}
# The first bytes of a file must come within so many times the former, and the next ones where the client's own
# patience has no end that we could set: by Xet it tries for minutes.
_TRIES = 5
_XET_BARS = "huggingface_hub.xet_get"


class _XetError(RuntimeError):
    """The Hub names a file that its Xet storage does not give."""


@dataclass(frozen=True)
class HubFile:
    """A file of a data set repository, as it lies in the local cache.

    Attributes:
        repository: OWNER/NAME.
        path: of the file in the repository.
        commit: that it was fetched at.
        file: the local copy.
        notes: what a reader of the results should know, for `fearec_cli.api.Log`.
    """

    repository: str
    path: str
    commit: str
    file: Path
    notes: Mapping[str, str] = field(default_factory=dict)

    def source(self, adapter: str) -> Source:
        """The record of where the rows came from."""
        return Source(
            adapter=adapter,
            location=f"huggingface.co/datasets/{self.repository}/{self.path}",
            revision=self.commit,
            sha256=source_of(self.file, adapter).sha256,
        )


def fetch(repository: str, path: str, revision: str) -> HubFile:
    """A file of the Hub, from the cache if it is there.

    Where a branch or a tag is in the cache and the Hub cannot be asked whether it has moved on, the cached commit is
    taken, with a warning that is also in the notes.

    Args:
        repository: OWNER/NAME.
        path: of the file in the repository.
        revision: branch, tag or commit.

    Raises:
        DataError: it cannot be had; says why and what to do next.
    """
    for name, seconds in _PATIENCE.items():
        os.environ.setdefault(name, seconds)
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    with _explained(repository, path, revision):
        local, unasked = _current(repository, path, revision)
    commit, notes = _commit_of(local, path), {}
    if unasked:
        notes["revision"] = f"{unasked}; {revision} is the cached commit {commit}"
        _LOG.warning("%s: %s", _name(repository, path), notes["revision"])
    with local.open("rb") as stream:
        start = stream.read(200).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise DataError(
            f"{_name(repository, path)}: what came is a web page (HTML), not the file; something between here and "
            f"the Hub answered in its place (a proxy, a log-in page); then remove {local.resolve()} and try again"
        )
    return HubFile(repository, path, commit, local, notes)


def _current(repository: str, path: str, revision: str) -> tuple[Path, str]:
    """The file as the revision has it now and "", or as it lies in the cache and why the Hub did not tell.

    The client falls back on the cache in silence; so it is asked first, where there is a copy to fall back on.
    """
    from huggingface_hub import constants, errors, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    cached = try_to_load_from_cache(repository, path, revision=revision, repo_type="dataset")
    if _COMMIT.fullmatch(revision) or not isinstance(cached, str):
        return _download(repository, path, revision), ""
    url = hf_hub_url(repository, path, revision=revision, repo_type="dataset")
    try:
        commit = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT).commit_hash
    except (errors.RemoteEntryNotFoundError, errors.RevisionNotFoundError):
        raise
    except errors.OfflineModeIsEnabled:
        return Path(cached), "the Hub was not asked (HF_HUB_OFFLINE is set)"
    except (OSError, httpx.HTTPError) as error:
        response = getattr(error, "response", None)
        why = f"was not reached ({type(error).__name__})" if response is None else f"answers {response.status_code}"
        return Path(cached), f"the Hub {why}"
    if commit is None:
        return Path(cached), "the Hub was not reached (something else answers in its place)"
    if commit == _commit_of(Path(cached), path):
        return Path(cached), ""
    return _download(repository, path, revision), ""


def _commit_of(local: Path, path: str) -> str:
    """The commit of a file in the cache: .../snapshots/COMMIT/PATH."""
    return local.parents[path.count("/")].name


def _download(repository: str, path: str, revision: str) -> Path:
    """`hf_hub_download`, given up when no byte comes.

    By itself it waits a minute for each of six answers, and for as long as a 429 tells it to. It cannot be
    asked to stop, so it is left behind in its thread, which does not outlive the program.
    """
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    sign, by_xet = threading.Event(), threading.Event()
    outcome: Future[str] = Future()

    class Bar(tqdm):
        """The client's own progress bar, made when the bytes begin to come, or before any is asked for by Xet."""

        def __init__(self, *arguments: Any, **options: Any) -> None:
            (by_xet if str(options.get("name")).startswith(_XET_BARS) else sign).set()
            super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]

        def update(self, n: float | None = 1) -> bool | None:
            """More has come."""
            sign.set()
            return super().update(n)  # type: ignore[no-any-return]

    def work() -> None:
        try:
            outcome.set_result(
                hf_hub_download(repository, path, repo_type="dataset", revision=revision, tqdm_class=Bar)
            )
        except BaseException as error:
            outcome.set_exception(error)
        sign.set()

    limit = _TRIES * constants.HF_HUB_ETAG_TIMEOUT
    worker = threading.Thread(target=work, daemon=True)
    with _listening(worker) as heard:
        worker.start()
        while sign.wait(limit):
            sign.clear()
            if outcome.done() or not by_xet.is_set():
                return _result(outcome, by_xet.is_set())
        silence = f"nothing came within {limit} seconds" + "".join(f"; {line}" for line in heard[-1:])
        raise _XetError(silence) if by_xet.is_set() else TimeoutError(silence)


def _result(outcome: "Future[str]", by_xet: bool) -> Path:
    try:
        return Path(outcome.result())
    except RuntimeError as error:
        if by_xet:
            raise _XetError(str(error)) from error
        raise


@contextmanager
def _listening(worker: threading.Thread) -> Iterator[list[str]]:
    """What the client says of its tries in a thread."""
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == worker.ident:
                heard.append(record.getMessage())

    listener = Listener()
    logger = logging.getLogger("huggingface_hub")
    logger.addHandler(listener)
    try:
        yield heard
    finally:
        logger.removeHandler(listener)


@contextmanager
def _explained(repository: str, path: str, revision: str) -> Iterator[None]:
    """Turn each of the clients' errors into a `DataError`."""
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    name = _name(repository, path)
    try:
        yield
    # A GatedRepoError is a RepositoryNotFoundError, and all of them are OSErrors.
    except errors.GatedRepoError:
        reason = (
            f"the repository is gated: ask for access at https://huggingface.co/datasets/{repository}, then log in by "
            f"`hf auth login` or set HF_TOKEN"
        )
    except errors.RepositoryNotFoundError:
        reason = f"there is no data set repository {repository}, or it is private and needs HF_TOKEN; check the name"
    except errors.RevisionNotFoundError:
        reason = f"the repository has no revision {revision!r}; name a branch, a tag or a commit of 40 digits"
    except errors.EntryNotFoundError as error:
        reason = _unreachable(error.__cause__ or error) if isinstance(error, FileNotFoundError) else _no_file(revision)
    except _XetError as error:
        reason = (
            f"the Hub's Xet storage does not give the file ({str(error)[:200]}); set HF_HUB_DISABLE_XET=1 to fetch it "
            f"by plain HTTP, or try again later"
        )
    except errors.HFValidationError as error:
        reason = f"is not a name on the Hub: {error}"
    except (OSError, ValueError, RuntimeError, httpx.HTTPError) as error:
        reason = _unreachable(error)
    else:
        return
    raise DataError(f"{name}: {' '.join(reason.split())}") from None


def _no_file(revision: str) -> str:
    return f"the repository has no such file at revision {revision!r}; look at its list of files"


def _unreachable(error: BaseException) -> str:
    """Why the Hub gave no answer, or not the file."""
    from huggingface_hub import errors

    if isinstance(error, errors.OfflineModeIsEnabled):
        return "is not in the cache, and HF_HUB_OFFLINE forbids to fetch it; unset that, or fetch the file before"
    response = getattr(error, "response", None)
    if response is not None:
        status = response.status_code
        if status == 429:
            return "the Hub answers 429, too many requests; wait some minutes, or log in by `hf auth login`"
        return (
            f"the Hub answers {status} {response.reason_phrase}; try again later, and see https://status.huggingface.co"
        )
    said = " ".join(str(error).split())[:200]
    return (
        f"is not in the cache, and the Hub cannot be reached, broke off or is not the Hub "
        f"({type(error).__name__}: {said}); check the network and try again"
    )


def _name(repository: str, path: str) -> str:
    return f"hub:{repository}/{path}"
