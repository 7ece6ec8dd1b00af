"""Files of the Hugging Face Hub: fetched once, by commit, and every way that it can fail in one line.

Only `hf_hub_download` talks to the Hub: a HEAD and a GET for a file, no request at all once a commit's file is
in the cache, and work without a network from there.
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
from typing import Any, Literal

from fearec_cli.errors import CheckpointError, DataError, FearecError

_LOG = logging.getLogger(__name__)
# What stands before the host of an address: https://user:password@host.
_CREDENTIALS = re.compile(r"//[^/\s'\"@]*@")
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


Kind = Literal["dataset", "model"]


@dataclass(frozen=True)
class Fetched:
    """A file of a repository, as it lies in the local cache.

    Attributes:
        file: the local copy.
        commit: that it was fetched at.
        notes: what a reader of the results should know, for `fearec_cli.api.Log`.
    """

    file: Path
    commit: str
    notes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Asked:
    """A file that is asked for, and how messages name it."""

    repository: str
    path: str
    revision: str
    kind: Kind

    def __str__(self) -> str:
        """hub:OWNER/NAME/PATH of a data set, hub:OWNER/NAME of a model, which is one file."""
        return f"hub:{self.repository}" + (f"/{self.path}" if self.kind == "dataset" else "")

    @property
    def page(self) -> str:
        """Where a person looks at the repository."""
        return f"https://huggingface.co/{'datasets/' if self.kind == 'dataset' else ''}{self.repository}"

    @property
    def noun(self) -> str:
        """What the repository holds."""
        return "data set" if self.kind == "dataset" else "model"

    def error(self, reason: str) -> FearecError:
        """One line, of the kind that its reader expects."""
        made = DataError if self.kind == "dataset" else CheckpointError
        return made(f"{self}: {without_credentials(' '.join(reason.split()))}")


def fetch_from_hub(repository: str, path: str, revision: str, kind: Kind = "dataset") -> Fetched:
    """A file of the Hub, from the cache if it is there.

    Where a branch or a tag is in the cache and the Hub cannot be asked whether it has moved on, the cached commit is
    taken, with a warning that is also in the notes.

    Args:
        repository: OWNER/NAME.
        path: of the file in the repository.
        revision: branch, tag or commit.
        kind: of the repository.

    Raises:
        DataError: a file of a data set cannot be had; says why and what to do next.
        CheckpointError: the same of a model.
    """
    prepare_client()
    asked = _Asked(repository, path, revision, kind)
    with _explained(asked), _quietly(asked):
        local, unasked = _current(asked)
    commit, notes = _commit_of(local, path), {}
    if unasked:
        notes["revision"] = f"{unasked}; {revision} is the cached commit {commit}"
        _LOG.warning("%s: %s", asked, notes["revision"])
    with local.open("rb") as stream:
        start = stream.read(200).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        raise asked.error(
            "what came is a web page (HTML), not the file; something between here and "
            f"the Hub answered in its place (a proxy, a log-in page); then remove {local.resolve()} and try again"
        )
    return Fetched(local, commit, notes)


def prepare_client() -> None:
    """Set the client's patience and bars, before it is imported."""
    for name, seconds in _PATIENCE.items():
        os.environ.setdefault(name, seconds)
    if not sys.stderr.isatty():
        os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")


def _current(asked: _Asked) -> tuple[Path, str]:
    """The file as the revision has it now and "", or as it lies in the cache and why the Hub did not tell.

    The client falls back on the cache in silence; so it is asked first, where there is a copy to fall back on.
    """
    from huggingface_hub import constants, errors, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    cached = try_to_load_from_cache(asked.repository, asked.path, revision=asked.revision, repo_type=asked.kind)
    if _COMMIT.fullmatch(asked.revision) or not isinstance(cached, str):
        return _download(asked), ""
    url = hf_hub_url(asked.repository, asked.path, revision=asked.revision, repo_type=asked.kind)
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
    if commit == _commit_of(Path(cached), asked.path):
        return Path(cached), ""
    return _download(asked), ""


def _commit_of(local: Path, path: str) -> str:
    """The commit of a file in the cache: .../snapshots/COMMIT/PATH."""
    return local.parents[path.count("/")].name


def _download(asked: _Asked) -> Path:
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
                hf_hub_download(
                    asked.repository, asked.path, repo_type=asked.kind, revision=asked.revision, tqdm_class=Bar
                )
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
    listener = _Listener(heard, worker)
    logger = logging.getLogger("huggingface_hub")
    logger.addHandler(listener)
    try:
        yield heard
    finally:
        logger.removeHandler(listener)


class _Listener(logging.Handler):
    """Keeps what the client logs in a thread."""

    def __init__(self, heard: list[str], worker: threading.Thread) -> None:
        super().__init__()
        self._heard, self._worker = heard, worker

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._worker.ident:
            self._heard.append(without_credentials(record.getMessage()))


class _Quiet(logging.Filter):
    """One line of ours instead of the client's about each of its tries."""

    def __init__(self, asked: _Asked) -> None:
        super().__init__()
        self._asked, self._said = asked, False

    def filter(self, record: logging.LogRecord) -> bool:
        if "retry" not in record.getMessage().lower():
            record.msg, record.args = without_credentials(record.getMessage()), ()
            return True
        if not self._said:
            self._said = True
            _LOG.warning("%s: the Hub does not answer; trying again for a while", self._asked)
        return False


@contextmanager
def _quietly(asked: _Asked) -> Iterator[None]:
    """Keep the client from printing its tries, and the credentials that may stand in its addresses."""
    quiet = _Quiet(asked)
    handlers = [each for each in logging.getLogger("huggingface_hub").handlers if not isinstance(each, _Listener)]
    for handler in handlers:
        handler.addFilter(quiet)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(quiet)


def without_credentials(text: str) -> str:
    """A text whose addresses name their hosts alone.

    >>> without_credentials("no answer from https://me:secret@proxy.example/x")
    'no answer from https://proxy.example/x'
    """
    return _CREDENTIALS.sub("//", text)


@contextmanager
def _explained(asked: _Asked) -> Iterator[None]:
    """Turn each of the clients' errors into one of ours."""
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    try:
        yield
    # A GatedRepoError is a RepositoryNotFoundError, and all of them are OSErrors.
    except errors.GatedRepoError:
        reason = (
            f"the repository is gated: ask for access at {asked.page}, then log in by `hf auth login` or set HF_TOKEN"
        )
    except errors.RepositoryNotFoundError:
        reason = (
            f"there is no {asked.noun} repository {asked.repository}, or it is private and needs HF_TOKEN; "
            f"check the name"
        )
    except errors.RevisionNotFoundError:
        reason = f"the repository has no revision {asked.revision!r}; name a branch, a tag or a commit of 40 digits"
    except errors.EntryNotFoundError as error:
        local = isinstance(error, FileNotFoundError)
        reason = unreachable(error.__cause__ or error) if local else _no_file(asked.revision)
    except _XetError as error:
        reason = (
            f"the Hub's Xet storage does not give the file ({str(error)[:200]}); set HF_HUB_DISABLE_XET=1 to fetch it "
            f"by plain HTTP, or try again later"
        )
    except errors.HFValidationError as error:
        reason = f"is not a name on the Hub: {error}"
    except (OSError, ValueError, RuntimeError, httpx.HTTPError) as error:
        reason = unreachable(error)
    else:
        return
    raise asked.error(reason) from None


def _no_file(revision: str) -> str:
    return f"the repository has no such file at revision {revision!r}; look at its list of files"


def unreachable(error: BaseException) -> str:
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
