# SPDX-License-Identifier: Apache-2.0
"""Serve a Flux-style repository of the user's own on the sandbox, and say what became of it.

A copy of its HEAD goes to the forge. GitRepositories that point to it are turned to that copy, what
installs Flux itself is left out, and kinds that the sandbox does not know are accepted without meaning, so
that one of them does not keep the rest from being applied.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from pathlib import Path

from rich.table import Table

from app.cli.demo import manifests
from app.cli.demo.stage import Stage
from policies import conditions, inventory
from policies.errors import FairwayError
from policies.health import status as health
from policies.health.texts import named
from policies.objects import Object, ObjectRef
from policies.served import unserved
from workers.cluster import ApiError, Client

_WITHIN = 120.0  # seconds in which everything should have settled
_STEADY = 4.0  # seconds without a change that count as settled
_NAMESPACE = "flux-system"
_SERVED = ("GitRepository", "Kustomization")


def play(stage: Stage, directory: Path, path: str | None) -> bool:
    """Apply the repository and print a table; True when everything that Fairway serves became ready."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        entry, url = _publish(stage, directory.absolute(), copy, path)
        unknown = _accept_unknown_kinds(stage.cluster, copy)
    stage.console.print(f"\n[bold]{directory.name}[/bold] from {entry}, served as {url}")
    _follow(stage.cluster, url, entry)
    rows = _settle(stage)
    return _print(stage, rows, unknown)


def _publish(stage: Stage, directory: Path, copy: Path, path: str | None) -> tuple[str, str]:
    """Push a copy of HEAD, its GitRepositories turned to the forge; returns the entry and the clone URL."""
    _git("clone", "--quiet", "--no-hardlinks", str(directory), str(copy), cwd=directory)
    entry = path or manifests.entry_of(copy)
    repo = stage.forge.create_repository("demo", _name(directory), files={"README.md": ""})
    stage.forge.install(stage.forge.app("fairway"), "demo")
    manifests.leave_flux_out(copy)
    manifests.turn_sources(
        copy, own=_remotes(directory), to=repo.clone_url, synced=manifests.synced_source(copy)
    )
    files: dict[str, str | bytes | None] = {
        str(file.relative_to(copy)): file.read_bytes()
        for file in sorted(copy.rglob("*"))
        if file.is_file() and not file.is_symlink() and ".git" not in file.relative_to(copy).parts
    }
    stage.forge.commit(repo, files, f"Copy of {directory.name}", author="demo")
    return entry, repo.clone_url


def _accept_unknown_kinds(client: Client, copy: Path) -> set[str]:
    """Define every kind of the repository that the API server does not know; returns their names."""
    unknown = set()
    defined = {d["spec"]["group"] for d in manifests.definitions(copy)}
    for group, version, kind in sorted(manifests.kinds(copy)):
        if group in defined or not group:
            continue
        try:
            client.discovery.resource(group, version, kind)
        except ApiError:
            if manifests.is_ours_to_define(group):
                client.create(manifests.stand_in(group, version, kind))
                unknown.add(f"{kind}.{group}")
    return unknown


def _follow(client: Client, url: str, entry: str) -> None:
    if client.find(ObjectRef("", "v1", "Namespace", "", _NAMESPACE)) is None:
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}})
    metadata = {"name": "flux-system", "namespace": _NAMESPACE}
    client.create(
        {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "GitRepository",
            "metadata": metadata,
            "spec": {"url": url, "ref": {"branch": "main"}, "interval": "1m"},
        }
    )
    client.create(
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": metadata,
            "spec": {
                "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
                "path": entry,
                "interval": "1m",
                "prune": True,
            },
        }
    )


def _settle(stage: Stage) -> list[Object]:
    """Wait until nothing changes any more, or the time is over."""
    deadline, steady_since, last = time.monotonic() + _WITHIN, time.monotonic(), ""
    with stage.console.status("applying …"):
        while time.monotonic() < deadline:
            rows = _objects(stage.cluster)
            now = str([(ObjectRef.of(row).id, _state(stage.cluster, row)) for row in rows])
            if now != last:
                last, steady_since = now, time.monotonic()
            done = all(_state(stage.cluster, row)[0] != "…" for row in rows)
            if time.monotonic() - steady_since > (_STEADY if done else _STEADY * 4):
                return rows
            time.sleep(0.3)
    return _objects(stage.cluster)


def _objects(client: Client) -> list[Object]:
    found: list[Object] = []
    for group, kind in (
        ("source.toolkit.fluxcd.io", "GitRepository"),
        ("kustomize.toolkit.fluxcd.io", "Kustomization"),
    ):
        items, _ = client.list(client.discovery.resource(group, "v1", kind))
        found += items
    applied = [ref for owner in found for ref in inventory.of(owner) if ref.kind not in _SERVED]
    return found + [obj for ref in dict.fromkeys(applied) if (obj := client.find(ref)) is not None]


def _state(client: Client, obj: Object) -> tuple[str, str]:
    """Return a mark (✓ ✗ …) and why."""
    if obj["kind"] in _SERVED and obj["apiVersion"].endswith("fluxcd.io/v1"):
        ready = conditions.find(conditions.of(obj), conditions.READY) or {}
        mark = {"True": "✓", "False": "✗"}.get(ready.get("status", ""), "…")
        return mark, str(ready.get("message", "waits"))
    found = health(obj)
    return ("✓" if found.current else "✗" if found.failed else "…"), found.message


def _print(stage: Stage, rows: list[Object], unknown: set[str]) -> bool:
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
    for column in ("", "object", "state"):
        table.add_column(column, overflow="fold")
    fine = True
    for obj in sorted(rows, key=lambda row: (row["kind"] not in _SERVED, str(ObjectRef.of(row)))):
        mark, why = _state(stage.cluster, obj)
        ref = ObjectRef.of(obj)
        if f"{ref.kind}.{ref.group}" in unknown:
            mark, why = (
                "–",
                "not served by Fairway yet"
                if "fluxcd.io" in ref.group
                else "stored; nothing acts on it here",
            )
        elif unserved(ref.kind, obj.get("spec") or {}):
            mark = "–"
        elif mark != "✓":
            fine = False
        colour = {"✓": "green", "✗": "red", "–": "dim"}.get(mark, "yellow")
        table.add_row(f"[{colour}]{mark}[/{colour}]", named(ref), _plain(why))
    stage.console.print(table)
    if unknown:
        stage.console.print(
            f"\n[dim]Kinds without meaning in the sandbox: {', '.join(sorted(unknown))}[/dim]"
        )
    return fine


def _plain(text: str) -> str:
    from rich.markup import escape

    first = text.strip().splitlines()[0] if text.strip() else ""
    return escape(re.sub(r"(sha1:[0-9a-f]{7})[0-9a-f]{33}", r"\1", first)[:300])


def _name(directory: Path) -> str:
    kept = "".join(c if c.isalnum() or c in "-_." else "-" for c in directory.name).strip("-.")
    return kept or "repository"


def _remotes(directory: Path) -> set[str]:
    lines = _git("remote", "-v", cwd=directory).splitlines()
    return {line.split()[1] for line in lines if len(line.split()) > 1}


def _git(*arguments: str, cwd: Path) -> str:
    ended = subprocess.run(
        ["git", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )
    if ended.returncode != 0:
        raise FairwayError(f"git {arguments[0]} failed in {cwd}: {ended.stderr.strip()}")
    return ended.stdout
