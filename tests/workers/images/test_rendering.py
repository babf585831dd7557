# SPDX-License-Identifier: Apache-2.0
"""What a pull request shows of the cluster: rendered as Kustomizations would, and nothing secret of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.workers.images.conftest import Fleet
from tests.workers.images.proposals import Bumps

KIND = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"}


def manifest(fleet: Fleet, name: str = "site") -> str:
    mark = f'# {{"$imagepolicy": "{fleet.images.namespace}:web"}}'
    image = f"{fleet.images.image}:1.0.0 {mark}"
    return (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: apps\n"
        f"data:\n  host: ${{HOST:=x}}${{N:=1}}\n  image: {image}\n"
    )


def rendered(fleet: Fleet, files: dict[str, str], **spec: Any) -> str:
    """Return the text of a pull request on a repository in which one Kustomization reads `apps`."""
    fleet.forge.commit(fleet.repo, {**files, "web.yaml": None}, "Apps")
    source = {"kind": "GitRepository", "name": "src"}
    wanted = {"sourceRef": source, "path": "./apps", "interval": "1h", "prune": True, **spec}
    metadata = {"name": "apps", "namespace": fleet.images.namespace}
    fleet.images.client.create({**KIND, "metadata": metadata, "spec": wanted})
    bumps = Bumps.of(fleet)
    bumps.run()
    assert list((Path(fleet.images.context.settings.data_dir) / "proposals").glob("*")) == []
    return str(bumps.pull()["body"])


def secret(fleet: Fleet) -> None:
    metadata = {"name": "values", "namespace": fleet.images.namespace}
    obj = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    fleet.images.client.create(
        {**obj, "stringData": {"HOST": "hidden.example", "TIER": "hidden-tier", "N": "4711"}}
    )


def test_objects_are_shown_field_by_field(fleet: Fleet) -> None:
    secret(fleet)
    values = {"substituteFrom": [{"kind": "Secret", "name": "values"}]}
    text = rendered(fleet, {"apps/site.yaml": manifest(fleet)}, postBuild=values)
    image = fleet.images.image
    assert f"  ConfigMap apps/site\n    data.image\n-     {image}:1.0.0\n+     {image}:1.1.0" in text
    assert "1 object changed" in text


def test_values_of_secrets_are_not_shown(fleet: Fleet) -> None:
    secret(fleet)
    values = {"substituteFrom": [{"kind": "Secret", "name": "values"}]}
    kustomized = 'resources: [site.yaml]\ncommonLabels: {tier: "${TIER:=x}"}\n'
    generated = kustomized + "configMapGenerator: [{name: made, files: [image.yaml]}]\n"
    files = {
        "apps/site.yaml": manifest(fleet),
        "apps/image.yaml": manifest(fleet, "other"),
        "apps/kustomization.yaml": generated,
    }
    text = rendered(fleet, files, postBuild=values)
    assert "(new)" in text, "a generated name is another one"
    assert "hidden" not in text
    assert "4711" not in text


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"apps/kustomization.yaml": "resources: [nowhere.yaml]\n"}, "kustomize build failed"),
        ({"apps/other.yaml": "a: [\n"}, "failed"),
    ],
)
def test_what_cannot_be_rendered_is_shown_as_files(fleet: Fleet, files: dict[str, str], why: str) -> None:
    text = rendered(fleet, {"apps/site.yaml": manifest(fleet), **files})
    assert f"`{fleet.images.namespace}/apps` was not rendered: " in text
    assert why in text
    assert "  apps/site.yaml:8\n-     " in text


def test_what_nobody_here_reads_is_shown_as_files(fleet: Fleet) -> None:
    bumps = Bumps.of(fleet)
    bumps.run()
    text = bumps.pull()["body"]
    assert "Nothing was rendered: no Kustomization here reads these files." in text
    assert "  web.yaml:1\n-     " in text
