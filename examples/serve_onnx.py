"""Recommend from an exported model with onnxruntime and numpy alone: neither torch nor fearec is imported.

    fearec export runs/first/best.safetensors --top-k 10
    pip install onnxruntime
    python examples/serve_onnx.py runs/first/best.onnx < histories.txt

A line of standard input is a history, its item ids separated by blanks or commas, oldest first; a line of JSON answers
it. Items that the model does not know are left out; of a history of none that it knows nothing is recommended.
"""

import json
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime

AT_ONCE = 256


class OnnxRecommender:
    """A model that `fearec export --top-k K` wrote, with the item ids beside it.

    Args:
        path: the .onnx file.
    """

    def __init__(self, path: Path) -> None:
        self.session = onnxruntime.InferenceSession(path)
        self.names = json.loads(path.with_suffix(".items.json").read_text("utf-8"))  # by number; 0 is padding
        self.numbers = {name: number for number, name in enumerate(self.names) if number}
        self.max_length = self.session.get_inputs()[0].shape[1]

    def recommend(self, histories: Sequence[Sequence[str]]) -> list[list[tuple[str, float]]]:
        """The best items of each history with their scores, the best first."""
        ids = np.zeros((len(histories), self.max_length), dtype=np.int64)
        for row, history in zip(ids, histories, strict=True):
            known = [self.numbers[item] for item in history if item in self.numbers][-self.max_length :]
            row[: len(known)] = known  # oldest first, then zeros
        items, scores = self.session.run(["items", "scores"], {"ids": ids})
        return [
            # An item that may not be recommended, as it was seen, has the score -inf.
            [(self.names[n], float(s)) for n, s in zip(*best, strict=True) if np.isfinite(s)] if row[0] else []
            for row, *best in zip(ids, items, scores, strict=True)
        ]


def main(path: str, lines: Iterable[str]) -> None:
    """Answer every line."""
    recommender = OnnxRecommender(Path(path))
    histories = (re.split(r"[,\s]+", line.strip()) for line in lines)
    while block := list(islice(histories, AT_ONCE)):
        for answer in recommender.recommend(block):
            print(json.dumps({"items": [item for item, _ in answer], "scores": [score for _, score in answer]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.stdin)
