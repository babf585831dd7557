# SPDX-License-Identifier: Apache-2.0
"""`fairway up` and `fairway down`: all processes on one machine, under one supervisor."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from app.cli import redis as embedded
from app.cli.identity import Identity
from app.cli.supervisor import Supervisor
from policies.errors import SettingsError
from policies.settings import Settings

_READY_TIMEOUT = 60.0  # seconds
_STOP_TIMEOUT = 15.0


@click.command()
@click.option("--context", help="The kubeconfig's context to serve.")
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False), help="The kubeconfig file.")
@click.option("--sandbox", "sandbox_dir", type=click.Path(path_type=Path), help="A running sandbox to serve.")
@click.option("--mode", type=click.Choice(["serve", "observe"]), default="serve", show_default=True)
@click.option("--dir", "directory", type=click.Path(path_type=Path), help="Where state and logs go.")
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
    """Run web, worker and watch against a cluster."""
    if mode == "observe":
        raise SettingsError(
            "mode observe is not there yet",
            remedy="run `fairway up` in mode serve, on a cluster without Flux",
        )
    if not context and not sandbox_dir:
        raise SettingsError("no cluster is named", remedy="give --context NAME, or --sandbox DIR")
    folder = (directory or _default_dir(context, sandbox_dir)).absolute()
    _refuse_second(folder)
    environment = _environment(context, kubeconfig, sandbox_dir, folder)
    made = _prepare(environment, context or "fairway-sandbox", yes=yes, quiet=as_json)
    if not as_json:
        for line in made:
            click.echo(f"created {line}")
    if detach:
        _detached(folder, environment, as_json)
    else:
        _foreground(folder, environment, as_json)


@click.command()
@click.option("--context", help="The context it was started with.")
@click.option(
    "--sandbox", "sandbox_dir", type=click.Path(path_type=Path), help="The sandbox it was started with."
)
@click.option("--dir", "directory", type=click.Path(path_type=Path), help="The --dir it was started with.")
def down(context: str | None, sandbox_dir: Path | None, directory: Path | None) -> None:
    """Stop what `fairway up` started."""
    folder = (directory or _default_dir(context, sandbox_dir)).absolute()
    found = _read(folder)
    if found is None:
        click.echo("nothing runs there")
        return
    identity = Identity(found["supervisor"]["pid"], found["supervisor"]["started"])
    identity.stop(_STOP_TIMEOUT)
    (folder / "up.json").unlink(missing_ok=True)
    click.echo("stopped")


def serve(folder: Path, environment: Mapping[str, str], *, quiet: bool) -> None:
    """Run the supervisor in this process until it is told to end; the whole of a detached one."""
    redis_process, environment = _with_redis(folder, dict(environment))
    supervisor = Supervisor(environment, folder / "logs", say=lambda line: click.echo(line, err=True))
    Path(folder / "environment.json").unlink(missing_ok=True)
    import threading

    announce = threading.Thread(
        target=_announce, args=(folder, supervisor, environment, redis_process, quiet)
    )
    announce.daemon = True
    announce.start()
    try:
        supervisor.run()
    finally:
        (folder / "up.json").unlink(missing_ok=True)
        if redis_process is not None:
            redis_process.stop()


def _foreground(folder: Path, environment: Mapping[str, str], as_json: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    serve(folder, environment, quiet=False) if not as_json else serve(folder, environment, quiet=True)


def _detached(folder: Path, environment: Mapping[str, str], as_json: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    handover = folder / "environment.json"
    handover.write_text(json.dumps(dict(environment)))
    handover.chmod(0o600)
    with (folder / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli.detached", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + _READY_TIMEOUT
    while time.monotonic() < deadline:
        found = _read(folder)
        if found and found["ready"]:
            click.echo(json.dumps(found) if as_json else _summary(found))
            return
        if process.poll() is not None:
            raise SettingsError(f"Fairway did not start; see {folder / 'supervisor.log'}")
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    raise SettingsError(f"Fairway was not ready after {_READY_TIMEOUT:.0f} s; see {folder / 'logs'}")


def _announce(
    folder: Path,
    supervisor: Supervisor,
    environment: Mapping[str, str],
    redis_process: embedded.EmbeddedRedis | None,
    quiet: bool,
) -> None:
    """Write up.json as things become ready, and keep it true while children come and go."""
    said = False
    while not supervisor.ended.wait(0.1):
        state = _state(supervisor, environment, redis_process)
        temporary = folder / "up.json.tmp"
        temporary.write_text(json.dumps(state))
        temporary.replace(folder / "up.json")
        if state["ready"] and not said:
            said = True
            click.echo(json.dumps(state) if quiet else _summary(state))
        if said:
            supervisor.ended.wait(1.0)


def _state(
    supervisor: Supervisor, environment: Mapping[str, str], redis_process: embedded.EmbeddedRedis | None
) -> dict[str, Any]:
    settings = Settings.from_env(environment, lambda path: Path(path).read_text())
    pids = supervisor.pids()
    state: dict[str, Any] = {
        "web": {
            "url": f"http://{settings.public_listen}",
            "internal_url": f"http://{settings.internal_listen}",
            "pid": pids.get("web"),
        },
        "worker": {"pid": pids.get("worker")},
        "watch": {"pid": pids.get("watch")},
        "redis": {"url": settings.redis_url, "pid": redis_process.pid if redis_process else None},
        "supervisor": {"pid": os.getpid(), "started": Identity.current().started},
        "logs": str(supervisor.logs),
    }
    state["ready"] = len(pids) == 3 and _all_ready(settings, pids)
    return state


def _all_ready(settings: Settings, pids: Mapping[str, int]) -> bool:
    import redis as redis_client

    from workers import alive

    try:
        with urllib.request.urlopen(f"http://{settings.internal_listen}/readyz", timeout=2) as answer:
            if answer.status != 200:
                return False
        client = redis_client.Redis.from_url(settings.redis_url, socket_timeout=2)
        try:
            return all(client.exists(alive.key(role, pids[role])) for role in ("worker", "watch"))
        finally:
            client.close()
    except (urllib.error.URLError, OSError, redis_client.RedisError):
        return False


def _environment(
    context: str | None, kubeconfig: str | None, sandbox_dir: Path | None, folder: Path
) -> dict[str, str]:
    environment = dict(os.environ)
    environment.setdefault("FAIRWAY_DATA", str(folder / "data"))
    for variable in ("FAIRWAY_LISTEN", "FAIRWAY_INTERNAL_LISTEN"):
        if sandbox_dir and variable not in environment:
            environment[variable] = f"127.0.0.1:{embedded.free_port()}"
    if kubeconfig:
        environment["KUBECONFIG"] = kubeconfig
    if context:
        environment["FAIRWAY_CONTEXT"] = context
    if sandbox_dir:
        from app.cli.sandboxed import environment_of

        environment |= environment_of(sandbox_dir.absolute(), environment["FAIRWAY_LISTEN"])
    return environment


def _prepare(environment: Mapping[str, str], shown: str, *, yes: bool, quiet: bool) -> list[str]:
    from app.cli import install
    from workers.cluster import connect

    settings = Settings.from_env(environment, lambda path: Path(path).read_text())
    if not settings.webhook_secret_file:
        raise SettingsError(
            "FAIRWAY_WEBHOOK_SECRET_FILE is not set: unsigned webhooks are never accepted",
            remedy="write the App's webhook secret into a file and name it",
        )
    client = connect(kubeconfig=settings.kubeconfig, context=settings.context)
    install.refuse_if_flux_leads(client)
    if not yes:
        owned = ", ".join(f"{kind.definition.plural}.{kind.definition.group}" for kind in install.OWNED)
        click.echo(
            f"Fairway will reconcile every object of {owned} in the cluster of context {shown},", err=quiet
        )
        click.echo(
            f"and create the kinds that are missing and the namespace {settings.namespace}.", err=quiet
        )
        click.confirm("Go on?", abort=True, err=quiet)
    return install.prepare(client, settings.namespace)


def _with_redis(
    folder: Path, environment: dict[str, str]
) -> tuple[embedded.EmbeddedRedis | None, dict[str, str]]:
    if environment.get("FAIRWAY_REDIS_URL"):
        return None, environment
    server = embedded.EmbeddedRedis(folder / "redis")
    server.start()
    return server, {**environment, "FAIRWAY_REDIS_URL": server.url}


def _refuse_second(folder: Path) -> None:
    found = _read(folder)
    if found and Identity(found["supervisor"]["pid"], found["supervisor"]["started"]).alive():
        raise SettingsError(
            f"Fairway runs there already (pid {found['supervisor']['pid']})", remedy="fairway down"
        )


def _read(folder: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((folder / "up.json").read_text())
        return found
    except (OSError, ValueError):
        return None


def _default_dir(context: str | None, sandbox_dir: Path | None) -> Path:
    if sandbox_dir:
        return sandbox_dir / "fairway"
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "fairway" / (context or "default").replace("/", "_")


def _summary(state: Mapping[str, Any]) -> str:
    return (
        f"webhooks  {state['web']['url']}/webhooks/github\n"
        f"pages     {state['web']['internal_url']}\n"
        f"logs      {state['logs']}"
    )
