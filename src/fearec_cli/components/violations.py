"""Contract violations: one line that names the component, the rule, what was expected and what the component did.

Used where components enter the model (`model/probe.py`, `training/objective.py`) and by `fearec_cli.testing`.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from fearec_cli.errors import ENDINGS, FearecError, PluginError
from fearec_cli.system.memory import ran_out_of_memory

# In torch's error about an operation that has no version which `torch.use_deterministic_algorithms` allows.
NOT_DETERMINISTIC = "does not have a deterministic implementation"
# Characters that a component's own exception may add to the one line.
_LONGEST_REASON = 300


def violation(component: str, rule: str, *, expected: str, got: str) -> PluginError:
    """The error about a component that breaks a rule.

    Args:
        component: kind, name and, where known, package.
        rule: what the expectation is about.
        expected: what the contract asks for.
        got: what the component did.
    """
    return PluginError(f"{component} breaks its contract: {rule}: expected {expected}, got {got}")


def check_tensor(component: str, rule: str, out: Any, shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A component's output, if it is a tensor of this shape and type.

    Raises:
        PluginError: it is not.
    """
    if not isinstance(out, Tensor) or out.shape != torch.Size(shape) or out.dtype != dtype:
        raise violation(component, rule, expected=_tensor_text(shape, dtype), got=describe(out))
    return out


def describe(value: Any) -> str:
    """Type and shape of a tensor; the name of the type of anything else.

    >>> describe(torch.zeros(2, 3)), describe(None)
    ('float32 [2, 3]', 'NoneType')
    """
    return _tensor_text(value.shape, value.dtype) if isinstance(value, Tensor) else type(value).__name__


@contextmanager
def errors_of(component: str) -> Iterator[None]:
    """Turn an exception that a component raises into a contract violation.

    The toolkit's own errors pass, and so do those of the machine: too little memory, no deterministic version of an
    operation.

    Args:
        component: kind, name and, where known, package.

    Raises:
        PluginError: the component raised something; its exception is the cause.
    """
    try:
        yield
    except (FearecError, *ENDINGS):
        raise
    except BaseException as error:  # sys.exit() of a plugin would else end the command, and with status 0
        if ran_out_of_memory(error) or NOT_DETERMINISTIC in str(error):
            raise
        raise violation(component, "call", expected="a result", got=_reason(error)) from error


@contextmanager
def checking_reads(component: str, declares: str) -> Iterator[None]:
    """Turn the read of an input that a component does not declare, and so does not get, into a contract violation.

    Args:
        component: kind, name and, where known, package.
        declares: attribute in which the component names what it reads.

    Raises:
        PluginError: the component read a name that it does not declare.
    """
    try:
        yield
    except KeyError as error:
        got = f"a read of {error.args[0]!r}"
        raise violation(component, "inputs", expected=f"no other than `{declares}` declares", got=got) from error


def _reason(error: BaseException) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= _LONGEST_REASON else text[:_LONGEST_REASON] + "..."


def _tensor_text(shape: Sequence[int], dtype: torch.dtype) -> str:
    name = str(dtype).removeprefix("torch.")
    return f"{name} [{', '.join(map(str, shape))}]" if shape else f"one {name}"
