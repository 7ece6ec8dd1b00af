"""`fearec serve`: a trained model behind HTTP."""

from typing import Annotated, Any

import typer

from fearec_cli.cli.arguments import CheckpointFile, Device
from fearec_cli.cli.settings_options import given, naming_flags, settings_options, with_options
from fearec_cli.errors import ConfigError
from fearec_cli.serving.service.limits import Limits


@with_options(settings_options(Limits, panel="Limits"))
def serve(
    checkpoint: CheckpointFile,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, metavar="N", help="Port; 0 is any free one.")] = 8000,
    device: Device = "auto",
    **limits: Any,
) -> None:
    """Answer POST /recommend, POST /similar and GET /health over HTTP, in JSON.

    Requests that come together are answered by one call of the model. It has no log-in: put it behind a proxy that has.
    Ctrl-C or SIGTERM ends it when the requests under way are answered.
    """
    from fearec_cli.cli.show.console import make_console
    from fearec_cli.cli.show.extras import require
    from fearec_cli.components.options import validate_options

    require("serve")
    from fearec_cli.serving.recommender import Recommender
    from fearec_cli.serving.service.app import make_app
    from fearec_cli.serving.service.server import listen, run

    bounds, problems = validate_options("serve", Limits, given(limits))
    if bounds is None:
        raise naming_flags(ConfigError(problems), "serve", limits)
    console = make_console()
    recommender = Recommender.load(checkpoint, device=device)
    with listen(host, port) as listener:
        host, port = listener.getsockname()[:2]
        where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        ready = f"{len(recommender.items):,} items at {where}; Ctrl-C ends it"
        run(make_app(recommender, bounds), listener, lambda: console.print(ready, soft_wrap=True, highlight=False))
    console.print("ended", highlight=False)
