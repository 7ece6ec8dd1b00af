"""How a preparation reports its progress."""

from fearec_cli.data.ordering import Ordering


class Watcher:
    """Keeps count and shows nothing; the base of those that show something.

    Attributes:
        kept: interactions left after each step that drops some, in the order of the steps.
        ordering: what orders the log, once that is known.
    """

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}
        self.ordering: Ordering | None = None

    def on_rows(self, rows: int) -> None:
        """This many rows of the source are read."""

    def on_stage(self, stage: str) -> None:
        """Something that may take long begins, as in "sorting"."""

    def on_kept(self, step: str, interactions: int) -> None:
        """A step is done, and this many interactions are left."""
        self.kept[step] = interactions

    def on_ordered(self, ordering: Ordering) -> None:
        """The interactions are in order, and this orders them."""
        self.ordering = ordering
