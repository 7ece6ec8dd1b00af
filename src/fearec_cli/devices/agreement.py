"""What one process of a run wants to do, all do after the same step."""

from fearec_cli.system.processes import Processes

_SECONDS_BETWEEN_QUESTIONS = 1.0
_MOST_STEPS = 1000


class Agreement:
    """Asks all processes after a step what they want, about once a second: each question makes every process wait for
    the slowest one. After how many steps to ask again, the first process says.

    A process that is alone gets its own wish, at once.

    Args:
        processes: of the run.
    """

    def __init__(self, processes: Processes) -> None:
        self._processes = processes
        self._steps = 1

    def __call__(self, wish: int, seconds_per_step: float) -> int:
        """The largest wish, where it is time to ask; else 0.

        Args:
            wish: of this process; 0 is none.
            seconds_per_step: of this process, lately.
        """
        if self._processes.size == 1:
            return wish
        self._steps -= 1
        if self._steps > 0:
            return 0
        steps = 0
        if self._processes.rank == 0:
            steps = min(_MOST_STEPS, max(1, int(_SECONDS_BETWEEN_QUESTIONS / max(seconds_per_step, 1e-9))))
        agreed, self._steps = self._processes.largest([wish, steps])
        return agreed
