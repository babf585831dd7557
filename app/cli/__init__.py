# SPDX-License-Identifier: Apache-2.0
"""The `fairway` command. Each subcommand is imported when it is called: `--help` answers at once."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import version

import click

from policies.errors import FairwayError

# name → module and attribute
_COMMANDS = {
    "build": ("app.cli.build", "build"),
    "demo": ("app.cli.demo", "demo"),
    "down": ("app.cli.up", "down"),
    "generate": ("app.cli.generate", "generate"),
    "sandbox": ("app.cli.sandbox", "sandbox"),
    "up": ("app.cli.up", "up"),
    "watch": ("app.cli.processes", "watch"),
    "web": ("app.cli.processes", "web"),
    "worker": ("app.cli.processes", "worker"),
}
_HIDDEN = frozenset({"generate"})


class _Lazy(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(set(_COMMANDS) - _HIDDEN)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found


@click.command(cls=_Lazy)
@click.version_option(version("fairway"), prog_name="fairway")
def cli() -> None:
    """GitOps in the pull request: the work of Flux and Flagger, from the same YAML."""


def main() -> None:
    """Run the command line; what a person can mend is one sentence and exit status 1."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except FairwayError as error:
        click.echo(f"fairway: {error}", err=True)
        sys.exit(1)
