"""How a preparation reports its progress."""


class Watcher:
    """Keeps count and shows nothing; the base of those that show something.

    Attributes:
        kept: interactions left after each step that drops some, in the order of the steps.
    """

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}

    def on_rows(self, rows: int) -> None:
        """This many rows of the source are read."""

    def on_stage(self, stage: str) -> None:
        """Something that may take long begins, as in "sorting"."""

    def on_kept(self, step: str, interactions: int) -> None:
        """A step is done, and this many interactions are left."""
        self.kept[step] = interactions
