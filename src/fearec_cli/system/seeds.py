"""Seeds of the generators of a run, none of which shares its numbers with another generator or another run."""

import hashlib
from typing import Literal

Purpose = Literal["weights and dropout", "order", "draws", "process"]


def derived_seed(seed: int, purpose: Purpose, index: int = 0) -> int:
    """The seed of one generator of a run.

    Consecutive seeds, and consecutive epochs of one seed, have nothing in common. The low 32 bits differ too, which
    are all that PyTorch's generator on the CPU takes.

    Args:
        seed: of the run.
        purpose: what the generator decides.
        index: of the epoch or of the process.

    Returns:
        The first 63 bits of a SHA-256.

    >>> derived_seed(42, "order", 1) == derived_seed(43, "order", 0)
    False
    """
    digest = hashlib.sha256(f"{seed}/{purpose}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1
