"""Where a search keeps its trials: a file that it makes, a journal, or a database that several machines share."""

import logging
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning, OptunaError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend

from fearec_cli.config import RunConfig, differences
from fearec_cli.errors import ConfigError, OutputError
from fearec_cli.system.text import value
from fearec_cli.tuning.sampler import NumberedSampler

_JOURNAL = "journal:"
# Seconds between a trial's heartbeats, and after which a trial without one is given up.
_HEARTBEAT, _GRACE = 60, 180
_IDENTITY = "fearec"
_SETTINGS = "settings"
# Drivers whose package has another name than their module.
_PACKAGES = {"psycopg": "'psycopg[binary]'", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
_PATIENCE = 50
# What optuna raises where a journal holds something else than it wrote.
_DAMAGED = (ValueError, LookupError, TypeError, AssertionError)


@contextmanager
def explaining_storage(*, opening: bool = False) -> Iterator[None]:
    """Turn what a database answers into one line. Its address, which may hold a password, is not printed.

    Args:
        opening: nothing of ours runs in the block, so that whatever it raises comes of what the storage holds.

    Raises:
        OutputError: it cannot be reached or written.
    """
    from sqlalchemy.exc import SQLAlchemyError

    answers = (SQLAlchemyError, OptunaError, *(_DAMAGED if opening else ()))
    try:
        yield
    except answers as error:
        cause = getattr(error, "orig", None) or error.__cause__ or error
        raise OutputError(
            f"--storage: cannot be used: {type(cause).__name__}: {' '.join(str(cause).split())[:200]}; is the address "
            "right and the database up?"
        ) from error


def open_storage(address: str | None, directory: Path) -> BaseStorage:
    """A storage.

    Args:
        address: `journal:FILE`, or any address of SQLAlchemy such as `sqlite:///FILE`; study.db in `directory` unless
            given.
        directory: of the search.

    Raises:
        ConfigError: it is not an address.
        OutputError: it cannot be reached or written.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if address is not None and address.startswith(_JOURNAL):
        file = Path(address.removeprefix(_JOURNAL))
        if file.exists() and not file.is_file():
            raise OutputError(f"--storage {address}: is not a regular file; choose another place")
        try:
            with explaining_storage(opening=True):
                return JournalStorage(JournalFileBackend(str(file)))
        except OSError as error:
            raise OutputError(f"--storage {address}: cannot be written: {error.strerror or error}") from error
    if address in ("sqlite://", "sqlite:///", "sqlite:///:memory:"):
        raise ConfigError([f"--storage {address}: keeps nothing; write sqlite:///FILE, or leave it out"])
    if address is not None and "://" not in address:
        raise ConfigError(
            [f"--storage {address}: write journal:FILE, or an address such as sqlite:///FILE or postgresql://HOST/NAME"]
        )
    from sqlalchemy.exc import IntegrityError, SQLAlchemyError

    address = address or f"sqlite:///{directory / 'study.db'}"
    _check_driver(address)
    with explaining_storage(opening=True), warnings.catch_warnings():
        # Heartbeats may change their form, and are what gives up the trial of a process that was killed.
        warnings.simplefilter("ignore", ExperimentalWarning)
        for left in reversed(range(_PATIENCE)):
            try:
                return RDBStorage(
                    address,
                    heartbeat_interval=_HEARTBEAT,
                    grace_period=_GRACE,
                    engine_kwargs={"connect_args": {"timeout": 60}} if address.startswith("sqlite") else None,
                )
            except SQLAlchemyError as error:
                # Another process is making the tables at this moment; the next try finds them.
                if not left or not ("already exists" in str(error) or isinstance(error, IntegrityError)):
                    raise
                time.sleep(0.1)
    raise AssertionError  # the last try returns or raises


def _check_driver(address: str) -> None:
    """See that the address can be read and its driver is installed.

    Raises:
        ConfigError: it cannot, or is not; says what to install.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        dialect = make_url(address).get_dialect()
    except (ArgumentError, ValueError) as error:  # NoSuchModuleError is one; a port that is no number is the other
        known = isinstance(error, NoSuchModuleError)
        what = "no database or driver of this name is known" if known else "is not an address"
        raise ConfigError(
            [
                f"--storage: {what}; write journal:FILE, sqlite:///FILE, postgresql://HOST/NAME or mysql+pymysql://HOST/NAME"
            ]
        ) from error
    try:
        dialect.import_dbapi()
    except ImportError as error:
        module = error.name or dialect.driver
        package = _PACKAGES.get(module, module)
        raise ConfigError(
            [
                f"--storage: {dialect.name} needs the driver {module}, which is not installed: pip install {package}; "
                f"or name another one in the address, {dialect.name}+DRIVER://..."
            ]
        ) from error


def open_study(
    storage: BaseStorage,
    name: str,
    identity: Mapping[str, str],
    config: RunConfig,
    first: Mapping[str, Any],
    *,
    seed: int,
    prune: bool,
) -> optuna.study.Study:
    """The study of a name; the process that makes it puts the first trial in.

    Args:
        storage: where it lies.
        name: of the study.
        identity: what all its trials have in common.
        config: the settings of the first one, and of all but for what is varied.
        first: values of the first trial.
        seed: of the values that trials get.
        prune: whether trials below the median of those before are stopped.

    Raises:
        ConfigError: the study that is there searches for something else; names what differs.
        OutputError: the storage cannot be reached or written.
    """
    pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=1) if prune else optuna.pruners.NopPruner()
    rest: dict[str, Any] = {"storage": storage, "study_name": name, "sampler": NumberedSampler(seed), "pruner": pruner}
    with explaining_storage(opening=True):
        try:
            study = optuna.create_study(direction="maximize", **rest)
            study.set_user_attr(_IDENTITY, {**identity, _SETTINGS: config.to_toml()})
            study.enqueue_trial(dict(first))
        except DuplicatedStudyError:
            study = optuna.load_study(**rest)
        before: Any = None
        for _ in range(_PATIENCE):  # another process may be making it at this moment
            before = study.user_attrs.get(_IDENTITY)
            if before:
                break
            time.sleep(0.1)
    for what in _changed(before if isinstance(before, dict) else {}, identity, config):
        raise ConfigError(
            [f"study {name!r}: searches with another {what}; go on with the same, or give another --study or --out"]
        )
    return study


def _changed(before: Mapping[str, Any], identity: Mapping[str, str], config: RunConfig) -> Iterator[str]:
    """What a study was made with that has changed, and how."""
    for key, now in identity.items():
        there = before.get(key)
        if there != now:
            yield f"{key} ({value(str(there))}, and now {value(now)})"
    try:
        found = differences(config, str(before.get(_SETTINGS, "")))
    except ValueError as error:
        yield f"setting ({value(str(error))})"
    else:
        if found:
            yield f"setting: {'; '.join(map(str, found))}"
