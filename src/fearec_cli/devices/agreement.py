"""Requests to save or stop: when one process of a run makes one, all act on it after the same step."""

from fearec_cli.system.processes import Processes

_SECONDS_BETWEEN_COLLECTIONS = 1.0
_MOST_STEPS = 1000


class Agreement:
    """Collects the requests of all processes after a step, about once a second.

    Each collection makes every process wait for the slowest one. The first process decides after how many steps the
    next one comes. A single process gets its own request at once.

    Args:
        processes: of the run.
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._steps = 1

    def __call__(self, request: int, seconds_per_step: float) -> int:
        """The largest request of all processes if this step collects them; else 0.

        Args:
            request: of this process; 0 is none.
            seconds_per_step: recent mean of this process.
        """
        if self._processes.size == 1:
            return request
        self._steps -= 1
        if self._steps > 0:
            return 0
        steps = 0
        if self._processes.rank == 0:
            steps = min(_MOST_STEPS, max(1, int(_SECONDS_BETWEEN_COLLECTIONS / max(seconds_per_step, 1e-9))))
        agreed, self._steps = self._processes.largest([request, steps])
        return agreed
