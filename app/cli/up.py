# SPDX-License-Identifier: Apache-2.0
"""`fairway up` and `fairway down`: all processes on one machine, under one supervisor."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import click

from app.cli.redis import free_port
from app.cli.serving import Serving, fairway, summary
from app.cli.state import State, folder_for, running
from policies.errors import FairwayError, SettingsError
from policies.settings import Settings

_READY_TIMEOUT = 60.0  # seconds
_STOP_TIMEOUT = 30.0  # seconds; three turns of children, and a little more
_LISTENERS = {"FAIRWAY_LISTEN": "public_listen", "FAIRWAY_INTERNAL_LISTEN": "internal_listen"}


class StartFailed(FairwayError):
    """Fairway did not come up."""


@click.command()
@click.option("--context", help="The kubeconfig's context to serve.")
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False), help="The kubeconfig file.")
@click.option(
    "--sandbox",
    "sandbox_dir",
    type=click.Path(path_type=Path),
    help="A running sandbox to serve: its cluster, and an App on its forge.",
)
@click.option(
    "--mode",
    type=click.Choice(["serve", "observe"]),
    default="serve",
    show_default=True,
    help="serve: reconcile; observe: report beside Flux.",
)
@click.option("--dir", "directory", type=click.Path(path_type=Path), help="Where state, data and logs go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--detach", is_flag=True, help="Return when everything is ready, and leave it running.")
@click.option("--json", "as_json", is_flag=True, help="Print addresses and process ids as JSON.")
def up(
    context: str | None,
    kubeconfig: str | None,
    sandbox_dir: Path | None,
    mode: str,
    directory: Path | None,
    yes: bool,
    detach: bool,
    as_json: bool,
) -> None:
    """Run web, worker and watch against a cluster, with a Redis unless FAIRWAY_REDIS_URL names one.

    Says first what it will own there, and asks. The App's settings come from FAIRWAY_* variables; a sandbox
    needs none.
    """
    if mode == "observe":
        raise SettingsError(
            "mode observe, beside a Flux that keeps reconciling, is not there yet",
            remedy="use mode serve, on a cluster that Flux does not reconcile",
        )
    if bool(context) == bool(sandbox_dir):
        raise SettingsError(
            "say which cluster to serve, once",
            remedy="--context NAME for one of your kubeconfig's contexts (kubectl config get-contexts),"
            " or --sandbox DIR",
        )
    state = State(folder_for(directory, context, sandbox_dir))
    if state.read():
        raise state.taken()
    state.prepare()
    environment = _environment(context, kubeconfig, sandbox_dir, state)
    settings = _checked(environment)
    _prepare_cluster(settings, context or f"sandbox {sandbox_dir}", ask=not yes)
    if detach:
        _detach(state, environment, as_json=as_json)
    else:
        Serving(state, environment, screen=sys.stderr).run(as_json=as_json)


@click.command()
@click.option("--context", help="The context it was started with.")
@click.option(
    "--sandbox", "sandbox_dir", type=click.Path(path_type=Path), help="The sandbox it was started with."
)
@click.option("--dir", "directory", type=click.Path(path_type=Path), help="The --dir it was started with.")
def down(context: str | None, sandbox_dir: Path | None, directory: Path | None) -> None:
    """Stop what `fairway up` started. Nothing in the cluster is touched."""
    if context or sandbox_dir or directory:
        state = State(folder_for(directory, context, sandbox_dir))
    else:
        state = _only_one()
    supervisor = state.supervisor()
    if supervisor is None:
        click.echo(f"nothing runs in {state.folder}", err=True)
        return
    supervisor.stop(_STOP_TIMEOUT)
    # Killed, it takes its children with it, but cannot tidy up.
    state.forget()
    click.echo(f"stopped what ran in {state.folder}", err=True)


def _only_one() -> State:
    found = running()
    if len(found) == 1:
        return found[0]
    if not found:
        raise SettingsError("nothing runs under a context's name", remedy="name it: --dir, or --sandbox")
    folders = ", ".join(str(state.folder) for state in found)
    raise SettingsError(f"several run: {folders}", remedy="name one with --dir or --context")


def _environment(
    context: str | None, kubeconfig: str | None, sandbox_dir: Path | None, state: State
) -> dict[str, str]:
    """Return the settings of all processes: what is set, and what `up` decides where nothing is."""
    environment = dict(os.environ)
    _default(environment, "FAIRWAY_DATA", str(state.folder / "data"))
    # glibc would give most threads a heap of their own, and what each has freed to nobody else.
    _default(environment, "MALLOC_ARENA_MAX", "2")
    if kubeconfig:
        environment["KUBECONFIG"] = str(Path(kubeconfig).absolute())
    if context:
        environment["FAIRWAY_CONTEXT"] = context
    if sandbox_dir:
        from app.cli.sandboxed import environment_of

        for variable in _LISTENERS:
            _default(environment, variable, f"127.0.0.1:{free_port()}")
        _default(environment, "FAIRWAY_CLUSTER", "demo")
        environment |= environment_of(sandbox_dir.absolute(), state.folder, environment["FAIRWAY_LISTEN"])
    return environment


def _default(environment: dict[str, str], variable: str, value: str) -> None:
    if not environment.get(variable, "").strip():
        environment[variable] = value


def _checked(environment: Mapping[str, str]) -> Settings:
    """Read the settings as each process will, and raise all their problems as one SettingsError."""
    # Ours is started later; any address stands for it.
    whole = {**environment, "FAIRWAY_REDIS_URL": environment.get("FAIRWAY_REDIS_URL") or "redis://127.0.0.1"}
    problems: dict[str, None] = {}
    settings = None
    for role in ("web", "worker", "watch"):
        try:
            settings = Settings.from_env(whole, lambda path: Path(path).read_text(), role=role)
        except SettingsError as error:
            problems |= dict.fromkeys(error.message.splitlines())
    if problems or settings is None:
        raise SettingsError("\n".join(problems))
    from workers.github import GitHub

    GitHub.from_settings(settings)  # refuses a key that is none
    for variable, field in _LISTENERS.items():
        _refuse_taken(variable, getattr(settings, field))
    return settings


def _refuse_taken(variable: str, listen: str) -> None:
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            raise SettingsError(
                f"{variable}: nobody can listen on {listen}: {error.strerror or error}",
                remedy=f"set {variable} to another host:port",
            ) from error


def _prepare_cluster(settings: Settings, shown: str, *, ask: bool) -> None:
    from app.cli import install
    from workers.cluster import connect

    client = connect(kubeconfig=settings.kubeconfig, context=settings.context)
    install.refuse_beside_flux(client, settings)
    click.echo(f"Fairway on {shown} ({client.server})", err=True)
    for line in install.plan(client, settings.namespace):
        click.echo(f"  {line}", err=True)
    if ask:
        click.confirm("Go on?", abort=True, err=True)
    install.prepare(client, settings.namespace)


def _detach(state: State, environment: Mapping[str, str], *, as_json: bool) -> None:
    log_file = state.logs / "supervisor.log"
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            fairway("app.cli.detached", str(state.folder)),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    if process.stdin is not None:
        with process.stdin as settings:
            settings.write(json.dumps(dict(environment)).encode())
    deadline = time.monotonic() + _READY_TIMEOUT
    while time.monotonic() < deadline:
        found = state.read()
        if found and found["ready"] and found["supervisor"]["pid"] == process.pid:
            click.echo(json.dumps(found) if as_json else summary(found))
            return
        if process.poll() is not None:
            raise StartFailed(f"Fairway did not start: {log_file.read_text(errors='replace').strip()}")
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.wait(_STOP_TIMEOUT)
    raise StartFailed(f"Fairway was not ready after {_READY_TIMEOUT:.0f} s", remedy=f"see {state.logs}")
