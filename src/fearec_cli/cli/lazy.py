"""Commands that are imported when they run: help comes at once, and no command pays for another's imports."""

import functools
import importlib
import shutil
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from fearec_cli.cli.usage import check_once, check_words, one_too_many
from fearec_cli.components.registry import package_at_fault
from fearec_cli.errors import ConfigError, PluginError, QuietExit, did_you_mean

# Help is no wider, and below the second its descriptions stand under what they describe.
_WIDEST, _NARROW = 120, 60


def _fit_terminal(ctx: Any) -> None:
    """Let help be as wide as the terminal; click itself would take it for 52 columns at least."""
    ctx.terminal_width = min(shutil.get_terminal_size().columns, _WIDEST)


def _write_list(formatter: Any, rows: list[tuple[str, str]]) -> None:
    """Names and what they are, beside each other where there is room."""
    if formatter.width < _NARROW:
        formatter.write_dl(rows, col_max=2)
    else:
        formatter.write_dl(rows)


class Panelled(TyperCommand):
    """A command whose help lists its options under the headings that they name (`rich_help_panel`).

    What is typed has no empty words, no option of one value twice, and nothing too many.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words.

        Raises:
            ConfigError: they would be taken for something else than they say.
        """
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        check_words(args)
        check_once(self.make_parser(ctx).parse_args(args=list(args))[2])
        ctx.allow_extra_args = True  # what is too many is reported here
        rest = super().parse_args(ctx, args)
        if rest:
            raise one_too_many(ctx.info_name, ctx.params, rest)
        return rest

    def get_help(self, ctx: Any) -> str:
        """The help, as wide as the terminal."""
        _fit_terminal(ctx)
        return super().get_help(ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options of each heading in the order of the first of each."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            default = "Arguments" if parameter.param_type_name == "argument" else "Options"
            if record := parameter.get_help_record(ctx):
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or default, []).append(record)
        for heading, records in panels.items():
            with formatter.section(heading):
                _write_list(formatter, records)


class LazyCommands(TyperGroup):
    """A group whose members are named with their summaries; a subclass names them.

    Command `new-plugin` is the function `new_plugin` of the module `fearec_cli.cli.commands.new_plugin`.
    """

    summaries: ClassVar[Mapping[str, str]] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """Names, in the order in which help shows them."""
        return list(self.summaries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, imported now.

        Raises:
            ConfigError: there is none; names the nearest.
        """
        if cmd_name not in self.summaries:
            hint = did_you_mean(cmd_name, self.summaries) or "; `fearec -h` lists the commands"
            raise ConfigError([f"no command is called {cmd_name!r}{hint}"])
        name = cmd_name.replace("-", "_")
        module: Any = importlib.import_module(f"fearec_cli.cli.commands.{name}")
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        settings = {"help_option_names": ["-h", "--help"]}
        alone.command(cmd_name, cls=Panelled, context_settings=settings)(_guarded(getattr(module, name)))
        return typer.main.get_command(alone)

    def get_help(self, ctx: Any) -> str:
        """The help, as wide as the terminal."""
        _fit_terminal(ctx)
        return super().get_help(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            _write_list(formatter, list(self.summaries.items()))


def _guarded(command: Callable[..., None]) -> Callable[..., None]:
    """The command, ended by nothing but itself: a plugin's `sys.exit(0)` would else pass for success."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        try:
            command(**options)
        except QuietExit:
            raise
        except SystemExit as end:
            package = package_at_fault(end)
            whose = f"of package {package!r} " if package else ""
            raise PluginError(
                f"a plugin {whose}ended the program (SystemExit {end.code}); run without it, or see `fearec --debug`"
            ) from end
        except KeyboardInterrupt:
            written = "" if command.__name__ == "train" else "; nothing was written"
            typer.echo(f"interrupted{written}", err=True)
            raise typer.Exit(130) from None

    return run
