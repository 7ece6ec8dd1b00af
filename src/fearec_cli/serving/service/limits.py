"""How much one request may ask for, and how much may wait."""

from pydantic import Field

from fearec_cli.api import Options


class Limits(Options):
    """Bounds of a service; a request beyond one is an error before the model is called."""

    max_body: int = Field(1_048_576, ge=1_024, description="bytes of a request")
    max_history: int = Field(10_000, ge=1, description="items of a history")
    max_k: int = Field(1_000, ge=1, description="items that one request may ask for")
    max_list: int = Field(10_000, ge=1, description="items of `only`, and of `except`")
    max_batch: int = Field(64, ge=1, description="requests that one call of the model answers")
    max_waiting: int = Field(1_024, ge=1, description="requests that may wait; others are sent away with status 503")
    read_seconds: float = Field(10, gt=0, description="seconds that a request may take to arrive")
