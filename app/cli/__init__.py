# SPDX-License-Identifier: Apache-2.0
"""The `fairway` command. Each subcommand is imported when it is called: `--help` answers at once."""

from __future__ import annotations

import importlib
import os
import sys
from dataclasses import dataclass

import click

from policies.errors import FairwayError


@dataclass(frozen=True)
class _Command:
    """Where a subcommand is, and its line in the help, which needs no import."""

    module: str
    attribute: str
    help: str
    hidden: bool = False


_COMMANDS = {
    "build": _Command("app.cli.build", "build", "Render what would be applied."),
    "demo": _Command(
        "app.cli.demo", "demo", "Watch a push become live objects on a real Kubernetes API server."
    ),
    "events": _Command(
        "app.cli.flux.events", "events", "Show the events of sources, Kustomizations, images and Receivers."
    ),
    "get": _Command("app.cli.flux.get", "get", "Show objects and their status."),
    "reconcile": _Command(
        "app.cli.flux.reconcile", "reconcile", "Reconcile an object now, and wait for the result."
    ),
    "resume": _Command("app.cli.flux.suspend", "resume", "Take suspended objects up again."),
    "suspend": _Command("app.cli.flux.suspend", "suspend", "Leave objects alone until they are resumed."),
    "trace": _Command(
        "app.cli.flux.trace", "trace", "Show which Kustomization, source and commit an object comes from."
    ),
    "tree": _Command("app.cli.flux.tree", "tree", "Show what an object applied, as a tree."),
    "diff": _Command("app.cli.flux.diff", "diff", "Show what applying a local folder would change."),
    "down": _Command("app.cli.up", "down", "Stop what `fairway up` started."),
    "generate": _Command(
        "app.cli.generate", "generate", "Write the files that are made from code.", hidden=True
    ),
    "sandbox": _Command(
        "app.cli.sandbox",
        "sandbox",
        "Run a Kubernetes API server, a forge and an image registry on this machine.",
    ),
    "up": _Command("app.cli.up", "up", "Run web, worker and watch against a cluster."),
    "validate": _Command("app.cli.validate", "validate", "Check a repository's .fairway.yaml."),
    "watch": _Command(
        "app.cli.processes", "watch", "Watch the cluster and keep the time; one of several leads."
    ),
    "web": _Command("app.cli.processes", "web", "Take webhooks; serve health, artifacts and pages."),
    "worker": _Command("app.cli.processes", "worker", "Reconcile and report."),
}


class _Lazy(click.Group):
    """A group that knows the names and the help of its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name for name, command in _COMMANDS.items() if not command.hidden)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        where = _COMMANDS.get(cmd_name)
        if where is None:
            return None
        try:
            module = importlib.import_module(where.module)
        except ModuleNotFoundError as error:
            if error.name != where.module:
                raise
            raise click.ClickException(f"fairway {cmd_name} is not part of this installation") from None
        found: click.Command = getattr(module, where.attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, _COMMANDS[name].help) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.command(cls=_Lazy)
@click.version_option(package_name="fairway", prog_name="fairway")
def cli() -> None:
    """GitOps in the pull request: the work of Flux and Flagger, from the same YAML."""


def main() -> None:
    """Run the command line; what a person can mend is one sentence and exit status 1."""
    try:
        colours = {"color": False} if os.environ.get("NO_COLOR") else {}
        code = cli(standalone_mode=False, **colours)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except FairwayError as error:
        from app.cli.flux.terminal import harmless  # what a cluster or a forge said may be in it

        click.echo(f"fairway: {harmless(str(error))}", err=True)
        sys.exit(1)
    except Exception as error:
        # Looked up only now: most commands need neither, and `--help` answers at once.
        from sandbox.processes import SandboxError
        from toolchain.errors import ToolchainError

        if not isinstance(error, SandboxError | ToolchainError):
            raise
        click.echo(f"fairway: {error}", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
