"""The settings of a run as data: trunk, loop, and the options of each component; read and written as TOML.

A configuration is a flat table: `attention`, `filter`, `fusion` and `loss` name components, `[model]`
and `[training]` hold the trunk's and the loop's settings, and `[NAME]` holds the options of the component
NAME. What is written `autocorr.top_k = 1.0` in TOML is `--set autocorr.top_k=1.0` on the command line.
"""

from collections.abc import Mapping
from typing import Literal

import tomli_w
from pydantic import ConfigDict, Field, SerializeAsAny

from fearec_cli.api import Options

TrackerName = Literal["none", "tensorboard", "wandb"]
Precision = Literal["32-true", "bf16-mixed", "bf16-true", "16-mixed"]


class ModelConfig(Options):
    """The trunk that the components hang on. Defaults are FEARec's released settings."""

    dim: int = Field(64, ge=1, le=8192, description="dimensions of an item and of a representation")
    layers: int = Field(2, ge=1, le=128, description="layers")
    heads: int = Field(2, ge=1, le=128, description="attention heads; divides dim")
    inner: int = Field(256, ge=1, le=65536, description="dimensions inside the feed-forward")
    max_length: int = Field(50, ge=2, le=65536, description="positions of a sequence; older items are cut")
    hidden_dropout: float = Field(0.5, ge=0, lt=1, description="dropout of embeddings and layer outputs")
    attention_dropout: float = Field(0.5, ge=0, lt=1, description="dropout of attention weights")
    padding: Literal["right", "left"] = Field("right", description="side on which short sequences are filled up")
    spectrum: Literal["padded", "true-length"] = Field(
        "padded",
        description="positions of a spectrum, a correlation and a roll: padded: all of max_length; true-length: the "
        "real ones of each sequence",
    )
    fill: Literal["zero", "cyclic", "reflect"] = Field(
        "zero",
        description="what filters find at padding: zero: the padding item; cyclic: the history again and again; "
        "reflect: the history back and forth; dot-product attention reads only real positions in any case",
    )
    positions: Literal["absolute", "relative", "none"] = Field(
        "absolute",
        description="absolute: a learned vector for each position is added to the items; relative: dot-product "
        "attention learns a bias and a value vector for each head and distance; none: only the mask and the "
        "filters know the order",
    )
    norm: Literal["post", "pre"] = Field(
        "post",
        description="post: LayerNorm after each sub-layer's sum with its input; pre: before each sub-layer, and after "
        "the last layer",
    )
    scores: Literal["product", "cosine"] = Field(
        "product",
        description="of an item after a history: product of their vectors, or its cosine; with it give ce.temperature, "
        "such as 0.07",
    )
    repeats: Literal["none", "learned"] = Field(
        "none",
        description="learned: a number for each distance back is added to the score of an item that the history has "
        "already; it learns whether and after how long users come back",
    )
    pooling: Literal["last", "mean"] = Field(
        "last",
        description="representation of a sequence: output at its last item, or mean over its items, which costs a "
        "last layer at every position",
    )


class TrainingConfig(Options):
    """The training loop."""

    targets: Literal["last", "all"] = Field(
        "last",
        description="last: each history predicts the item after it, one prefix after another; all: every position of "
        "a history predicts the next item in one pass, for models that look at no later item",
    )
    batch_size: int = Field(256, ge=1, le=1_000_000, description="targets a step, of all devices together")
    accumulate: int = Field(
        1,
        ge=1,
        le=10_000,
        description="micro-batches that a step's prefixes are split into, one after another, for less memory; "
        "in-batch negatives are those of the micro-batch",
    )
    drawn_positions: int = Field(
        64,
        ge=2,
        le=1_000_000,
        description="with targets = all: positions of a step, drawn, for the loss terms that compare views; each view "
        "of each is a further history to encode",
    )
    learning_rate: float = Field(1e-3, gt=0, le=10, description="Adam's learning rate, after its warm-up")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="learning rate after the warm-up: constant, or down to 0 along half a cosine"
    )
    warmup_steps: int = Field(0, ge=0, description="steps over which the learning rate rises linearly")
    schedule_steps: int = Field(
        0,
        ge=0,
        description="steps of the cosine with its warm-up, after which training ends; 0 stretches it over the epochs",
    )
    weight_decay: float = Field(
        0, ge=0, le=1, description="decoupled decay (AdamW) of linear layers' weights and embedding tables; 0 is none"
    )
    gradient_clip: float = Field(0, ge=0, description="norm that the whole gradient is clipped to; 0 is none")
    ema: float = Field(
        0,
        ge=0,
        lt=1,
        description="decay of the moving average of the weights that is validated and kept as the best; 0 is none",
    )
    epochs: int = Field(200, ge=1, description="passes over the training prefixes, at most")
    max_steps: int = Field(0, ge=0, description="optimiser steps, at most; 0 for no limit")
    time_limit: float = Field(0, ge=0, le=1_000_000, description="minutes of training, at most; 0 for no limit")
    metric: str = Field(
        "NDCG@10",
        pattern=r"^(HR|NDCG|MRR)@[1-9][0-9]{0,8}$",
        json_schema_extra={"form": "HR@k, NDCG@k or MRR@k (with one target Recall@k is HR@k)"},
        description="validation metric that picks the best weights",
    )
    protocol: Literal["unmasked", "seen-masked"] = Field("unmasked", description="protocol of that metric")
    patience: int = Field(10, ge=1, description="epochs without a better metric before training stops")
    save_minutes: float = Field(
        10,
        ge=0,
        le=1_000_000,
        description="minutes between saves of the state within an epoch; 0 saves after validations alone",
    )
    seed: int = Field(42, ge=0, lt=2**63, description="of weights, order, dropout and draws")
    deterministic: bool = Field(False, description="same seed, same bits on a GPU too, where that costs time")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:[0-9]{1,4})?)$",
        json_schema_extra={"form": "auto, cpu, cuda or cuda:N"},
        description="auto, cpu, cuda or cuda:1",
    )
    devices: int = Field(1, ge=1, le=1024, description="devices of each node; a process trains on each")
    nodes: int = Field(1, ge=1, le=1024, description="machines that share the run")
    capture: bool = Field(
        True, description="record the step once as a CUDA graph and replay it; on a CPU nothing is recorded"
    )
    precision: Precision = Field("32-true", description="of the encoder; the objective and the ranks are float32")
    track: TrackerName = Field("none", description="where the records are also sent, beside metrics.jsonl")


class RunConfig(Options):
    """A whole run: enough, with the data set, to train the same model again.

    Attributes:
        components: validated options of each component of the model, by name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    attention: str
    filter: str
    fusion: str
    loss: str
    model: ModelConfig
    training: TrainingConfig
    components: Mapping[str, SerializeAsAny[Options]]

    def to_toml(self) -> str:
        """The TOML text that `read_recipe` reads back to the same configuration."""
        table = self.model_dump(mode="json", exclude={"components"})
        # TOML has no null: an option that is None is left out, and None is its default.
        options = {name: values.model_dump(mode="json", exclude_none=True) for name, values in self.components.items()}
        return tomli_w.dumps({**table, **{name: values for name, values in options.items() if values}})

    def without_limits(self) -> "RunConfig":
        """The same run with the defaults of what decides only when to stop, when to save and where records go, and of
        the number of processes, which changes dropout masks and the delays of `autocorr.delays = batch`: runs that
        agree in the rest can continue each other."""
        free = TrainingConfig().model_dump(
            include={"epochs", "max_steps", "time_limit", "patience", "save_minutes", "devices", "nodes", "track"}
        )
        return self.model_copy(update={"training": self.training.model_copy(update=free)})

    def identity(self) -> str:
        """The TOML text of `without_limits`."""
        return self.without_limits().to_toml()
