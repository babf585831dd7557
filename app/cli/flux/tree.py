# SPDX-License-Identifier: Apache-2.0
"""`fairway tree kustomization`: what a Kustomization applied, and what is applied by that in turn."""

from __future__ import annotations

from typing import Any

import click

from app.cli.flux.target import KUSTOMIZATION, Aliased, Target, cluster_options
from app.cli.flux.terminal import clean, document
from policies import inventory
from policies.objects import ObjectRef

Tree = dict[str, Any]  # resource: Kind/namespace/name, and resources: trees


@click.group(cls=Aliased)
def tree() -> None:
    """Show what an object applied, as a tree.

    \b
    fairway tree kustomization flux-system
    fairway tree ks web -n apps --compact -o json
    """


@tree.command("kustomization")
@click.argument("name")
@click.option("--compact", is_flag=True, help="Only what applies something itself.")
@click.option("--output", "-o", type=click.Choice(["json", "yaml"]), help="Print it for a program.")
@cluster_options
def kustomization(name: str, target: Target, compact: bool, output: str | None) -> None:
    """Show the objects of a Kustomization and of those that it applied (also: ks)."""
    obj = target.get(KUSTOMIZATION, name)
    found = _grown(target, ObjectRef.of(obj), inventory.of(obj), compact=compact, above=())
    click.echo(document(found, output) if output else "\n".join(_drawn(found)))


def _grown(
    target: Target,
    ref: ObjectRef,
    refs: list[ObjectRef],
    *,
    compact: bool,
    above: tuple[ObjectRef, ...],
) -> Tree:
    below: list[Tree] = []
    for one in refs:
        applies = (one.group, one.kind) == (KUSTOMIZATION.group, KUSTOMIZATION.kind)
        if compact and not applies:
            continue
        live = target.client.find(one) if applies and one not in (*above, ref) else None
        inner = inventory.of(live) if live else []
        below.append(_grown(target, one, inner, compact=compact, above=(*above, ref)))
    return {"resource": str(ref), **({"resources": below} if below else {})}


def _drawn(tree: Tree, before: str = "", mark: str = "") -> list[str]:
    lines = [
        clean(before + mark + tree["resource"])
        if not before + mark
        else before + mark + clean(tree["resource"])
    ]
    below = tree.get("resources", [])
    inner = before + {"": "", "├── ": "│   ", "└── ": "    "}[mark]
    for number, one in enumerate(below):
        lines += _drawn(one, inner, "└── " if number + 1 == len(below) else "├── ")
    return lines
