# SPDX-License-Identifier: Apache-2.0
"""`fairway diff kustomization`: what applying a local folder would change on the cluster, by dry-run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.cli.build import from_file, inline, rendered
from app.cli.flux.target import KUSTOMIZATION, Aliased, Target, cluster_options
from app.cli.flux.terminal import clean, failure, harmless
from policies import inventory, ownership
from policies.errors import FairwayError
from policies.field_diff import compare
from policies.ignored_fields import IgnoredFields
from policies.kinds import Kustomization
from policies.objects import Object, ObjectRef
from toolchain.errors import ToolchainError

if TYPE_CHECKING:
    from workers.cluster import Client
    from workers.reconcile.stage import Difference

_IN_FLIGHT = 8


@click.group(cls=Aliased)
def diff() -> None:
    """Show what applying a local folder would change.

    \b
    fairway diff kustomization web --path ./apps/web
    """


@diff.command("kustomization")
@click.argument("name")
@click.option(
    "--path",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="The folder with the manifests.",
)
@click.option(
    "--kustomization-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The file with the Kustomization, instead of the one in the cluster.",
)
@click.option("--strict-substitute", is_flag=True, help="Fail on a variable without value and default.")
@click.option("--ignore-paths", default="", help="Paths to leave out as well, in .gitignore form.")
@click.option("--progress-bar/--no-progress-bar", default=True, help="Say what is being done, on a terminal.")
@cluster_options
def kustomization(
    name: str,
    folder: Path,
    kustomization_file: Path | None,
    strict_substitute: bool,
    ignore_paths: str,
    progress_bar: bool,
    target: Target,
) -> None:
    """Compare a local folder with the cluster, as its Kustomization would apply it (also: ks).

    Nothing is changed: the API server is asked by server-side dry-run, as the Kustomization's service
    account. Ends with 0 when nothing differs, with 1 when something does, with 2 when it cannot be told.
    """
    try:
        with _progress(f"rendering {folder}", shown=progress_bar):
            obj = (
                from_file(kustomization_file, name) if kustomization_file else target.get(KUSTOMIZATION, name)
            )
            spec = Kustomization.read(obj)
            if spec.spec.kube_config:
                raise FairwayError("a diff against another cluster (spec.kubeConfig) is not served yet")
            values = _variables(target, obj)
            objects = rendered(
                obj, folder.resolve(), values, strict=strict_substitute, ignored=ignore_paths, normalize=True
            )
        with _progress(f"comparing {len(objects)} objects", shown=progress_bar):
            client = _acting(target, spec)
            found = [*_differing(client, spec, objects), *_gone(client, target, spec, objects)]
    except (FairwayError, ToolchainError, OSError) as error:
        # Whatever the cause: 1 would say that something differs.
        failure(str(error))
        raise click.exceptions.Exit(2) from None
    for line in found:
        click.echo(line)
    raise click.exceptions.Exit(1 if found else 0)


@contextmanager
def _progress(what: str, *, shown: bool) -> Iterator[None]:
    if not shown or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(clean(what)):
        yield


def _variables(target: Target, obj: Object) -> dict[str, str]:
    if not (obj["spec"].get("postBuild") or {}).get("substituteFrom"):
        return inline(obj)
    from workers.reconcile import variables

    return variables.resolve(target.client, obj)


def _acting(target: Target, spec: Kustomization) -> Client:
    """Ask as whom it would be applied, so that a missing permission shows here too."""
    account = spec.spec.service_account_name
    if not account:
        return target.client
    return target.client.impersonate(f"system:serviceaccount:{spec.metadata.namespace}:{account}")


def _differing(client: Client, spec: Kustomization, objects: list[Object]) -> Iterator[str]:
    from workers.reconcile.apply import Applier, Options

    rules = [rule.model_dump(by_alias=True, exclude_none=True) for rule in spec.spec.ignore or []]
    options = Options(force=bool(spec.spec.force), ignored=IgnoredFields(rules), in_flight=_IN_FLIGHT)
    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        applier = Applier(client, pool, fence=lambda: None, options=options)
        for difference in applier.differing(objects):
            yield from _described(difference)


def _described(difference: Difference) -> Iterator[str]:
    name = clean(str(difference.ref))
    if difference.live is None:
        yield f"{_MARK} {name} {click.style('created', fg='green')}"
        return
    what = "recreated" if difference.recreated else "drifted"
    yield f"{_MARK} {name} {click.style(what, fg='yellow')}"
    for field in compare(difference.live, difference.wanted):
        yield f"    {clean(field.path)}"
        for sign, text, colour in (("-", field.live, "red"), ("+", field.wanted, "green")):
            for line in (text or "").splitlines() if text is not None else ():
                yield click.style(f"      {sign} {harmless(line)}", fg=colour)


_MARK = "►"


def _gone(client: Client, target: Target, spec: Kustomization, objects: list[Object]) -> Iterator[str]:
    """Name what would be pruned: it was applied once, is ours, and is not in the folder."""
    live = target.client.find(KUSTOMIZATION.ref(spec.metadata.namespace, spec.metadata.name))
    if live is None or not spec.spec.prune:
        return
    owner = {"name": spec.metadata.name, "namespace": spec.metadata.namespace}
    for ref in inventory.difference(inventory.of(live), [ObjectRef.of(obj) for obj in objects]):
        found = client.find(ref)
        if found is not None and ownership.may_prune(found, **owner):
            yield f"{_MARK} {clean(str(ref))} {click.style('deleted', fg='red')}"
