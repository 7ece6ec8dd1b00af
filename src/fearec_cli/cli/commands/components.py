"""`fearec components`: what a model can be composed of."""

from typing import Annotated

import typer

from fearec_cli.api import Options
from fearec_cli.cli import completion


def components(
    name: Annotated[
        str | None,
        typer.Argument(
            help="A component, a preset, or the settings `model` or `training`.",
            show_default=False,
            autocompletion=completion.components,
        ),
    ] = None,
) -> None:
    """List filters, attentions, fusions, losses, settings and presets, or describe one.

    A component is described by its options, their bounds and its source, a preset by its file.
    """
    from fearec_cli.cli.show.listing import print_details, print_entries, print_section, print_sections
    from fearec_cli.components.registry import load_components
    from fearec_cli.config import ModelConfig, TrainingConfig, preset_names, preset_text

    registry = load_components()
    sections: dict[str, type[Options]] = {"model": ModelConfig, "training": TrainingConfig}
    components = {entry.name for entry in registry}
    if name is None:
        print_entries(registry, registry.broken)
        print_sections(sections, {preset: preset_text(preset) for preset in preset_names()})
    elif name in sections:
        print_section(name, sections[name])
    elif name in preset_names() and name not in components:
        typer.echo(preset_text(name), nl=False)
    else:
        print_details(registry.find(name))
