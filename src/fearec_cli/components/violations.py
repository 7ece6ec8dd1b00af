"""Refusing a part that breaks its contract: one line that names the part, the rule, what was expected and what came.

Used where parts meet the model (`model/probe.py`, `training/objective.py`) and by `fearec_cli.testing`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from fearec_cli.errors import FearecError, PluginError
from fearec_cli.system.memory import ran_out_of_memory

# What torch says of an operation where `torch.use_deterministic_algorithms` forbids the only version there is.
NOT_DETERMINISTIC = "does not have a deterministic implementation"
# What a foreign exception may add to the one line.
_LONGEST_REASON = 300


def violation(part: str, rule: str, *, expected: str, got: str) -> PluginError:
    """The error about a part that breaks a rule.

    Args:
        part: kind, name and, where known, package.
        rule: what the expectation is about.
        expected: what the contract asks for.
        got: what the part did.
    """
    return PluginError(f"{part} breaks its contract: {rule}: expected {expected}, got {got}")


def check_tensor(part: str, rule: str, out: Any, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """What a part gave, if it is a tensor of this shape and type.

    Raises:
        PluginError: it is not.
    """
    if not isinstance(out, Tensor) or out.shape != torch.Size(shape) or out.dtype != dtype:
        raise violation(part, rule, expected=_tensor_text(shape, dtype), got=describe(out))
    return out


def describe(value: Any) -> str:
    """Type and shape of a tensor, the type's name of anything else.

    >>> describe(torch.zeros(2, 3)), describe(None)
    ('float32 [2, 3]', 'NoneType')
    """
    return _tensor_text(value.shape, value.dtype) if isinstance(value, Tensor) else type(value).__name__


@contextmanager
def errors_of(part: str) -> Iterator[None]:
    """Turn whatever a part raises into a refusal; the toolkit's own errors pass, and those of the machine: too little
    memory, no deterministic version of an operation.

    Args:
        part: kind, name and, where known, package.

    Raises:
        PluginError: the part raised something; the traceback is its cause.
    """
    try:
        yield
    except (FearecError, KeyboardInterrupt):
        raise
    except BaseException as error:  # sys.exit() of a plugin would else end the command, and with status 0
        if ran_out_of_memory(error) or NOT_DETERMINISTIC in str(error):
            raise
        raise violation(part, "call", expected="a result", got=_reason(error)) from error


@contextmanager
def checking_reads(part: str, declares: str) -> Iterator[None]:
    """Turn a look at something that a part does not declare, and so does not get, into a refusal.

    Args:
        part: kind, name and, where known, package.
        declares: attribute in which the part names what it reads.

    Raises:
        PluginError: the part looked up a name that is not there.
    """
    try:
        yield
    except KeyError as error:
        got = f"a look at {error.args[0]!r}"
        raise violation(part, "inputs", expected=f"no other than `{declares}` declares", got=got) from error


def _reason(error: BaseException) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "..."


def _tensor_text(shape: Sequence[int], dtype: torch.dtype) -> str:
    name = str(dtype).removeprefix("torch.")
    return f"{name} [{', '.join(map(str, shape))}]" if shape else f"one {name}"
