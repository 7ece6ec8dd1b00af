"""A checkpoint and its card put into a repository of the Hugging Face Hub, in one commit."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fearec_cli.errors import ConfigError, OutputError
from fearec_cli.runs.hub import FILE, REPOSITORY
from fearec_cli.system.hub import prepare_client, unreachable, without_credentials

CARD = "README.md"
# Seconds in which the Hub says nothing; the client itself waits without end.
_PATIENCE = 40


def push(file: Path, card: str, repository: str, *, private: bool, replace: bool) -> str:
    """Put a checkpoint and its card into a repository of the Hub, in one commit, and give its address.

    Args:
        file: the checkpoint.
        card: its description, in Markdown.
        repository: OWNER/NAME, created if missing.
        private: create it visible only to its owner.
        replace: add a commit where the repository is there already.

    Raises:
        ConfigError: that is not the name of a repository.
        OutputError: it cannot be written; says why and what to do next, and holds no token.
    """
    check_repository(repository)
    prepare_client()
    from huggingface_hub import CommitOperationAdd, HfApi, get_session

    get_session().timeout = _PATIENCE
    api = HfApi()
    with _explained(repository):
        api.create_repo(repository, private=private, exist_ok=replace)
        done = api.create_commit(
            repository,
            [CommitOperationAdd(FILE, file), CommitOperationAdd(CARD, card.encode())],
            commit_message="Checkpoint of fearec",
        )
    return f"hub:{repository}@{done.oid}"


def check_repository(repository: str) -> None:
    """Refuse what names no repository, before anything is done for it.

    Raises:
        ConfigError: that is not OWNER/NAME.
    """
    if not REPOSITORY.fullmatch(repository):
        raise ConfigError([f"{repository}: names no repository of the Hub; write OWNER/NAME"])


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    """Turn each of the client's errors into one line."""
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]

    log_in = "log in by `hf auth login`, or set HF_TOKEN to a token that may write there"
    try:
        yield
    except errors.LocalTokenNotFoundError:
        reason = f"there is no token; {log_in}"
    except errors.HFValidationError as error:
        reason = f"is not a name on the Hub: {error}"
    except (OSError, ValueError, RuntimeError, httpx.HTTPError) as error:
        cause = next((each for each in _causes(error) if getattr(each, "response", None) is not None), error)
        status = getattr(getattr(cause, "response", None), "status_code", None)
        if status in (401, 403):
            reason = f"the Hub answers {status}; {log_in}"
        elif status == 409:
            reason = "the repository already exists; choose another name, or use --force to add a commit to it"
        else:
            reason = unreachable(cause).replace("is not in the cache, and the Hub", "the Hub")
    else:
        return
    raise OutputError(f"hub:{repository}: {without_credentials(' '.join(reason.split()))}") from None


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__
