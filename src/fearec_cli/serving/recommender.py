"""Recommendations from one checkpoint, by the raw ids of the log; no data set is needed."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from fearec_cli.data.batches import gather_histories
from fearec_cli.devices.placement import choose_device
from fearec_cli.errors import DataError, EvaluationError
from fearec_cli.evaluation.best import best_rows
from fearec_cli.runs.checkpoint import Checkpoint, load_checkpoint

Seen = Literal["exclude", "include"]
# Positions that are encoded at once: a batch is some hundred calls, and on a CPU large pieces are computed in parts.
_POSITIONS = 2**16
# Scores that are held at once, [B, I]: 16 MB stay near the cache; for a large catalogue no more than 128 MB, so that
# products still have rows enough.
_FEW, _ROWS, _MANY = 2**22, 32, 2**25


@dataclass(frozen=True)
class Query:
    """What is asked for one history; the fields are the arguments of `Recommender.recommend`."""

    history: Sequence[str]
    k: int = 10
    seen: Seen = "exclude"
    only: Sequence[str] | None = None
    without: Sequence[str] = ()


@dataclass(frozen=True)
class Recommendations:
    """The best items of each history, the best first.

    Attributes:
        items: raw ids; fewer than k where fewer may be recommended, none of a history without a known item.
        scores: of the items.
        unknown: [B] how many items of each history the model does not know; they were left out.
    """

    items: list[list[str]]
    scores: list[npt.NDArray[np.float32]]
    unknown: npt.NDArray[np.int64]


class Recommender:
    """A model that answers for any history of raw item ids. It keeps no state: threads may share it.

        recommender = Recommender.load("runs/first/best.safetensors")
        recommender.recommend([["sku-0209", "sku-0210"]], k=3).items

    Args:
        checkpoint: an open checkpoint.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._encoder = checkpoint.encoder
        self._rows = dict(zip(checkpoint.item_ids, range(len(checkpoint.item_ids)), strict=True))
        self._names = np.array(checkpoint.item_ids, dtype=object)
        self._device = self._encoder.item_table().device
        # Both are NaN where one number is: one pass over the table, and no other of its size.
        if not all(bool(bound.isfinite()) for bound in self._encoder.item_table().aminmax()):
            raise EvaluationError(f"{checkpoint.path}: the item table has numbers that are not finite; train it again")

    @classmethod
    def load(cls, path: str | Path, *, device: str = "cpu") -> "Recommender":
        """Open a checkpoint.

        Raises:
            CheckpointError: it cannot be read.
            TrainingError: the device is not there.
        """
        return cls(load_checkpoint(Path(path), choose_device(device)))

    @property
    def items(self) -> list[str]:
        """Raw ids of the catalogue."""
        return self.checkpoint.item_ids

    def rows_of(self, items: Iterable[str]) -> list[int]:
        """Rows of the item table of those that the model knows, in their order."""
        return [self._rows[item] for item in items if item in self._rows]

    def recommend(
        self,
        histories: Sequence[Sequence[str]],
        k: int = 10,
        *,
        seen: Seen = "exclude",
        only: Iterable[str] | None = None,
        without: Iterable[str] = (),
    ) -> Recommendations:
        """The k best items of each history. Equal scores keep the order of the catalogue.

        Args:
            histories: raw ids, oldest first; the model reads the latest ones, as many as it can take.
            k: number of items, no more than the catalogue has.
            seen: exclude or include the items of the history.
            only: candidates; the whole catalogue unless given.
            without: items that are never recommended.

        Raises:
            DataError: k is not between 1 and the size of the catalogue, or no candidate is known.
            EvaluationError: a score is not a number.
        """
        self._check_k(k)
        allowed = self._allowed(only, without)
        known = [self.rows_of(history) for history in histories]
        hidden = known if seen == "exclude" else [[] for _ in known]
        return self._answer([len(history) for history in histories], known, hidden, [allowed] * len(known), k)

    def answer(self, queries: Sequence[Query]) -> Recommendations:
        """The best items of histories that ask for different things, by one call of the model.

        Raises:
            DataError: as `check` of one of them.
            EvaluationError: a score is not a number.
        """
        for query in queries:  # the candidates are checked where they are looked up
            self._check_k(query.k)
        known = [self.rows_of(query.history) for query in queries]
        hidden = [rows if query.seen == "exclude" else [] for query, rows in zip(queries, known, strict=True)]
        allowed = [self._allowed(query.only, query.without) for query in queries]
        longest = max((query.k for query in queries), default=1)
        found = self._answer([len(query.history) for query in queries], known, hidden, allowed, longest)
        return Recommendations(
            [items[: query.k] for query, items in zip(queries, found.items, strict=True)],
            [scores[: query.k] for query, scores in zip(queries, found.scores, strict=True)],
            found.unknown,
        )

    def check(self, query: Query) -> None:
        """Check a query before the model is called.

        Raises:
            DataError: k is not between 1 and the size of the catalogue, or no candidate is known.
        """
        self._check_k(query.k)
        if query.only is not None:
            self._candidates(query.only)

    @torch.inference_mode()
    def _answer(
        self,
        sizes: Sequence[int],
        known: Sequence[Sequence[int]],
        hidden: Sequence[Sequence[int]],
        allowed: Sequence[Tensor | None],
        k: int,
    ) -> Recommendations:
        """The k best rows of each history.

        Args:
            sizes: items of each history.
            known: rows of those that the model knows.
            hidden: rows that are not recommended.
            allowed: rows that may be, [I]; all of them where it is None.
            k: items requested.
        """
        items: list[list[str]] = [[] for _ in known]
        scores: list[npt.NDArray[np.float32]] = [np.empty(0, dtype=np.float32) for _ in known]
        # Short histories first: the encoder does less work on neighbours that are short.
        answered = sorted((index for index, rows in enumerate(known) if rows), key=lambda index: len(known[index]))
        size = max(1, _FEW // len(self.items), min(_ROWS, _MANY // len(self.items)))
        for block, found in self._scored(answered, known, size):
            for line, index in enumerate(block):
                if (mask := allowed[index]) is not None:
                    found[line].masked_fill_(~mask, -torch.inf)
            lengths = np.array([len(hidden[index]) for index in block])
            owners = np.repeat(np.arange(len(block)), lengths)
            found[self._tensor(owners), self._tensor(_flat(hidden[index] for index in block))] = -torch.inf
            values, rows = best_rows(found, k)
            # NaN counts as the largest of all, so it is among the best wherever it is.
            if bool((values.isnan() | values.isposinf()).any()):
                raise EvaluationError("the model gives scores that are not finite numbers; train it again")
            counts = values.isfinite().sum(1).tolist()
            names = self._names[rows.cpu().numpy()].tolist()
            for index, count, own_values, own_names in zip(block, counts, values.cpu().numpy(), names, strict=True):
                items[index], scores[index] = own_names[:count], own_values[:count]
        unknown = [size - len(rows) for size, rows in zip(sizes, known, strict=True)]
        return Recommendations(items, scores, np.array(unknown, dtype=np.int64))

    @torch.inference_mode()
    def similar(self, item: str, k: int = 10) -> list[tuple[str, float]]:
        """The items whose vectors have the largest cosine with an item's, itself left out.

        Raises:
            DataError: the model does not know the item, or k is out of range.
        """
        self._check_k(k)
        if item not in self._rows:
            raise DataError(f"{item!r} is not an item of the model")
        table = torch.nn.functional.normalize(self._encoder.item_table(), dim=1)
        row = self._rows[item]
        cosines = (table @ table[row])[None]
        cosines[0, row] = -torch.inf
        values, rows = best_rows(cosines, min(k, len(self.items) - 1))
        return [(self.items[other], float(value)) for other, value in zip(rows[0].tolist(), values[0], strict=True)]

    def _scored(
        self, answered: Sequence[int], known: Sequence[Sequence[int]], size: int
    ) -> Iterator[tuple[Sequence[int], Tensor]]:
        """The score of every item after some of the histories, [B, I], in memory that the next ones overwrite.

        Args:
            answered: which histories.
            known: rows of each.
            size: B at most.
        """
        table = self._encoder.item_table()
        scores = torch.empty(min(size, len(answered)), len(table), dtype=table.dtype, device=self._device)
        encoded = max(1, _POSITIONS // self._encoder.max_length)
        for batch in (answered[first : first + encoded] for first in range(0, len(answered), encoded)):
            items = self._tensor(_flat(known[index] for index in batch)) + 1
            ends = self._tensor(np.cumsum([len(known[index]) for index in batch]))
            starts = torch.nn.functional.pad(ends, (1, 0))[:-1]
            ids, lengths = gather_histories(items, starts, ends, self._encoder.max_length, self._encoder.padding)
            representation = self._encoder.represent(ids, lengths)
            for first in range(0, len(batch), size):
                part = slice(first, first + size)
                found = scores[: len(batch[part])]
                torch.mm(representation[part], table.T, out=found)
                own, sizes = ids[part], lengths[part]
                if self._encoder.padding == "right":
                    own = own[:, : int(sizes.max())]  # repeats are looked for among all pairs of positions
                if (added := self._encoder.added_scores(own, sizes)) is not None:
                    found[added.rows, added.items] += added.values
                yield batch[part], found.float()

    def _tensor(self, numbers: npt.NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(numbers).to(self._device)

    def _allowed(self, only: Iterable[str] | None, without: Iterable[str]) -> Tensor | None:
        """Which rows may be recommended, [I]; None where all may."""
        forbidden = self.rows_of(without)
        if only is None and not forbidden:
            return None
        allowed = torch.full((len(self.items),), only is None, device=self._device)
        if only is not None:
            allowed[self._candidates(only)] = True
        allowed[forbidden] = False
        return allowed

    def _candidates(self, only: Iterable[str]) -> list[int]:
        rows = self.rows_of(only)
        if not rows:
            raise DataError("the model knows none of the candidate items")
        return rows

    def _check_k(self, k: int) -> None:
        if not 1 <= k <= len(self.items):
            raise DataError(f"k is {k}: the catalogue has {len(self.items):,} items; give 1 to {len(self.items)}")


def _flat(lists: Iterable[Sequence[int]]) -> npt.NDArray[np.int64]:
    """One list after another."""
    return np.fromiter(chain.from_iterable(lists), dtype=np.int64)
