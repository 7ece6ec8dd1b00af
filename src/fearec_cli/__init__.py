"""Train, evaluate and take apart frequency-enhanced sequential recommenders.

    from fearec_cli import evaluate, prepare, train

    data = prepare("demo")
    outcome = train(data, settings={"training.max_steps": 20})
    report = evaluate(outcome.checkpoint, data)

The functions are those that the commands of the same name call. They print nothing, and raise the exceptions of
`fearec_cli.errors`. Importing this package imports neither torch nor polars: a name is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fearec_cli.data.prepared import Prepared as Prepared
    from fearec_cli.python_api import evaluate as evaluate
    from fearec_cli.python_api import load_checkpoint as load_checkpoint
    from fearec_cli.python_api import load_dataset as load_dataset
    from fearec_cli.python_api import prepare as prepare
    from fearec_cli.python_api import train as train
    from fearec_cli.runs.checkpoint import Checkpoint as Checkpoint
    from fearec_cli.serving.recommender import Recommender as Recommender
    from fearec_cli.training.reporting import Outcome as Outcome

_NAMES = {
    "Checkpoint": "runs.checkpoint",
    "Outcome": "training.reporting",
    "Prepared": "data.prepared",
    "Recommender": "serving.recommender",
    "evaluate": "python_api",
    "load_checkpoint": "python_api",
    "load_dataset": "python_api",
    "prepare": "python_api",
    "train": "python_api",
}

__all__ = [
    "Checkpoint",
    "Outcome",
    "Prepared",
    "Recommender",
    "evaluate",
    "load_checkpoint",
    "load_dataset",
    "prepare",
    "train",
]


def __getattr__(name: str) -> Any:
    if module := _NAMES.get(name):
        return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *_NAMES]
