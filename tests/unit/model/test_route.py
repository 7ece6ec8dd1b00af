"""How much a newcomer reads from ids to representation: the files whose code runs, kernels apart."""

import sys
from pathlib import Path
from types import FrameType

import fearec_cli
import fearec_plugins
from fearec_cli import kernels
from support import tiny

ROOTS = [Path(package.__file__).parent for package in (fearec_cli, fearec_plugins)]
KERNELS = {"kernels", "_kernels"}
# docs/design.md, section 3, says what is counted. Longer is a decision, not an accident.
MOST_LINES = 740
ROUTE = {
    "model/trunk.py",
    "model/embedding.py",
    "model/layer.py",
    "nn/positions.py",
    "nn/inputs.py",
    "nn/blocks.py",
    "nn/attention.py",
    "filters/window.py",
    "attentions/ramp.py",
    "attentions/autocorr.py",
    "fusions/mix.py",
}


def test_the_route_of_the_default_model_stays_short() -> None:
    encoder = tiny.encoder(tiny.config(attention="ramp+autocorr")).train()
    ids, lengths = tiny.sequences_batch([10, 4, 1], 10, 20, "right")
    files = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        files.add(Path(frame.f_code.co_filename))

    with kernels.using("auto"):  # the equations of the kernels are another route
        sys.setprofile(note)
        try:
            encoder(ids, lengths)
        finally:
            sys.setprofile(None)
    ours = {
        str(path.relative_to(root)): path
        for path in files
        for root in ROOTS
        if path.is_relative_to(root) and not KERNELS & set(path.relative_to(root).parts)
    }
    assert set(ours) == ROUTE
    assert sum(path.read_text("utf-8").count("\n") for path in ours.values()) <= MOST_LINES
