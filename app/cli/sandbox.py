# SPDX-License-Identifier: Apache-2.0
"""`fairway sandbox`: a cluster, a forge and a registry on this machine, to try things on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from sandbox import up as sandbox_up

_DIR = click.option(
    "--dir", "folder", type=click.Path(path_type=Path), required=True, help="Where its data and logs lie."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print addresses and process ids as JSON.")
_NOTHING: dict[str, Any] = {
    "kubeconfig": None,
    "forge": None,
    "registry": None,
    "registry_control": None,
    "pids": {},
}


@click.group()
def sandbox() -> None:
    """Run a Kubernetes API server, a forge and an image registry on this machine."""


@sandbox.command()
@_DIR
@_JSON
def up(folder: Path, as_json: bool) -> None:
    """Start it, or whatever of it does not run."""
    try:
        _show(sandbox_up.up(folder), as_json)
    except sandbox_up.SandboxError as error:
        raise click.ClickException(str(error)) from error


@sandbox.command()
@_DIR
@_JSON
def status(folder: Path, as_json: bool) -> None:
    """Say what runs; exit status 1 when it is not all of it."""
    found = sandbox_up.status(folder)
    if found is not None:
        _show(found, as_json)
        return
    parts = sandbox_up.running(folder)
    if as_json:
        click.echo(json.dumps({**_NOTHING, "pids": parts}))
    else:
        click.echo(f"only {', '.join(parts)} runs" if parts else "nothing runs there", err=True)
    raise SystemExit(1)


@sandbox.command()
@_DIR
@_JSON
def down(folder: Path, as_json: bool) -> None:
    """Stop it; its data stay."""
    try:
        sandbox_up.down(folder)
    except sandbox_up.SandboxError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps(_NOTHING))


def _show(found: sandbox_up.Sandbox, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.as_json()))
        return
    click.echo(f"export KUBECONFIG={found.kubeconfig}")
    click.echo(f"forge     {found.forge}")
    click.echo(f"registry  {found.registry}")
    click.echo("pids      " + "  ".join(f"{name} {pid}" for name, pid in sorted(found.pids.items())))
