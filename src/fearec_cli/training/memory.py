"""Running out of memory, told in one line."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from fearec_cli.errors import TrainingError

# torch's CPU allocator and the libraries under it raise plain RuntimeErrors.
_SIGNS = ("can't allocate memory", "not enough memory", "bad_alloc", "alloc_failed", "out of memory")


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether this is what torch or Python raises where the memory does not suffice.

    (Linux may also end the process by a signal before anything is raised: then there is nothing to tell.)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in _SIGNS)


@contextmanager
def out_of_memory_told(message: Callable[[], str]) -> Iterator[None]:
    """Raise what `message` says where the block runs out of memory.

    Raises:
        TrainingError: it did.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not ran_out_of_memory(error):
            raise
        raise TrainingError(message()) from error
