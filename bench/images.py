# SPDX-License-Identifier: Apache-2.0
"""New images, from the registry's webhook: until policies have chosen them, and until they are proposed.

The webhook of a registry goes to a Receiver, as users have it; everything is Fairway as it is started.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import urllib3

from bench import progress
from bench.api import Object, Request
from bench.house import House, running
from bench.registry import figure
from bench.rounds import Round
from bench.workload import READY, is_ready
from sandbox.forge.admin import Repository
from sandbox.registry.images import image

_REPOSITORIES, _EACH, _TAGS = 300, 5, 100
_PROPOSALS = 10
_WITHIN, _READY_WITHIN = 60.0, 180.0  # seconds
_MINUTE = (
    62.0  # seconds, after which neither GitHub's nor the registry's budget knows of what was asked before
)
_PAUSE = 6.0  # seconds; a proposal takes some 50 points of GitHub's, which lets us have 15 in a second
_POLL = 0.005
_OLD, _NEW = f"1.0.{_TAGS - 1}", "2.0.0"
_IMAGES, _RECEIVERS = "image.toolkit.fluxcd.io/v1", "notification.toolkit.fluxcd.io/v1"
_SECRET = {"metadata": {"name": "hook"}, "data": {"token": "Y29ycmVjdCBob3JzZQ=="}}
_LABELS = {"from": "registry"}
_CHOICES: tuple[Object, ...] = (
    {"policy": {"semver": {"range": ">=1.0.0"}}},
    {"policy": {"semver": {"range": "1.x || 2.x"}}},
    {"policy": {"semver": {"range": "^1.0.0 || >=2.0.0 <3.0.0"}}},
    {"policy": {"alphabetical": {"order": "asc"}}, "filterTags": {"pattern": r"^(?:1\.0\.99|2\..*)$"}},
    {
        "policy": {"numerical": {"order": "asc"}},
        "filterTags": {"pattern": r"^(?P<major>\d+)\.\d+\.(?:99|0)$", "extract": "$major"},
    },
)


@figure("images.policies_1500", unit="s", target=10.0, peer="Flux, as its users report", peer_value=25.0)
def policies() -> float:
    """Measure from one webhook for 300 ImageRepositories to the last choice of 1,500 ImagePolicies."""
    with running() as house, progress.task("images.policies_1500") as show:
        place = _Place(house, "images")
        show("push images", 0, _REPOSITORIES)
        names = [f"app-{number:03d}" for number in range(_REPOSITORIES)]
        for number, name in enumerate(names):
            place.push(name, [f"1.0.{tag}" for tag in range(_TAGS)])
            show("push images", number + 1, _REPOSITORIES)
        place.follow(names, _CHOICES)
        hook = place.hook()
        for name in names:
            place.push(name, [_NEW])
        show("wait until the registry may be asked as often again", 0, 1)
        time.sleep(_MINUTE)
        found = _chosen(place, names, hook)
        progress.say(f"images.policies_1500: {found}")
        return found.seconds


@figure("images.proposed.worst", unit="s", target=5.0)
def proposed() -> float:
    """Measure from before a new tag is pushed until the forge shows its pull request, the worst of 10."""
    return max(_proposed())


@figure("images.proposed.median", unit="s")
def usually_proposed() -> float:
    return statistics.median(_proposed())


@dataclass(frozen=True)
class _Place:
    """A namespace with images in it; each has its own repository in the registry."""

    house: House
    namespace: str

    def __post_init__(self) -> None:
        self.house.api.call(Request.create("/api/v1/namespaces", {"metadata": {"name": self.namespace}}))

    def push(self, name: str, tags: list[str]) -> None:
        """Give an image tags, without a webhook for each."""
        registry, path = self.house.registry, self.path(name)
        made = image(version=name)
        if tags[0] != _NEW:
            made = registry.push(path, tags[0], made)
        registry.tag_many(path, made.digest, tags)

    def path(self, name: str) -> str:
        return f"acme/{self.namespace}/{name}"

    def kind(self, kind: str, group: str = _IMAGES) -> str:
        """Return the path of a kind's objects on the API server."""
        plural = kind.lower().replace("repository", "repositorie").replace("policy", "policie") + "s"
        return f"/apis/{group}/namespaces/{self.namespace}/{plural}"

    def create(self, group: str, kind: str, specs: Mapping[str, Object]) -> None:
        """Create objects by their names, and wait until all are Ready."""
        path, api = self.kind(kind, group), self.house.api
        with api.watching(path, set(specs), hint=READY, accept=is_ready) as arrivals:
            api.send([Request.create(path, _object(group, kind, name, spec)) for name, spec in specs.items()])
            arrivals.wait(_READY_WITHIN)

    def follow(self, names: list[str], choices: tuple[Object, ...]) -> None:
        """Create an ImageRepository for each image, and policies for each, and wait until all have chosen."""
        host = self.house.registry.host
        self.create(
            _IMAGES,
            "ImageRepository",
            {name: {"image": f"{host}/{self.path(name)}", "interval": "12h"} for name in names},
        )
        self.create(
            _IMAGES,
            "ImagePolicy",
            {
                f"{name}-{number}": {"imageRepositoryRef": {"name": name}, **choice}
                for name in names
                for number, choice in enumerate(choices)
            },
        )

    def hook(self) -> str:
        """Make a Receiver for all of the ImageRepositories, and return where its webhooks go."""
        api = self.house.api
        api.call(Request.create(f"/api/v1/namespaces/{self.namespace}/secrets", _SECRET))
        resource = {"apiVersion": _IMAGES, "kind": "ImageRepository", "name": "*", "matchLabels": _LABELS}
        spec = {"type": "generic", "secretRef": {"name": "hook"}, "resources": [resource]}
        self.create(_RECEIVERS, "Receiver", {"registry": spec})
        made = api.get(f"{self.kind('Receiver', _RECEIVERS)}/registry")
        return f"{self.house.front_door}{made['status']['webhookPath']}"


def _object(group: str, kind: str, name: str, spec: Object) -> Object:
    metadata = {"name": name, "labels": _LABELS}
    return {"apiVersion": group, "kind": kind, "metadata": metadata, "spec": spec}


def _chosen(place: _Place, names: list[str], hook: str) -> Round:
    """Send one webhook, and wait until each policy has chosen the new tag."""
    house, path = place.house, place.kind("ImagePolicy")
    wanted = {f"{name}-{number}" for name in names for number in range(_EACH)}
    hint = b'"tag":"2.0.0"'
    with house.api.watching(path, wanted, hint=hint, accept=_has_chosen) as arrivals:
        before, own, began = house.used(), time.process_time(), time.monotonic()
        answer = urllib3.request("POST", hook, body=b"{}", retries=False, timeout=_WITHIN)
        if answer.status not in (200, 202):
            raise RuntimeError(f"the webhook was answered with {answer.status}")
        end = arrivals.wait(_READY_WITHIN)
        own = time.process_time() - own
        return Round(len(wanted), end - began, house.used().since(before), own)


def _has_chosen(policy: Object) -> bool:
    return is_ready(policy) and bool(policy["status"]["latestRef"]["tag"] == _NEW)


@cache
def _proposed() -> list[float]:
    with running() as house, progress.task("images.proposed") as show:
        place, names = _Place(house, "images"), [f"app-{number}" for number in range(_PROPOSALS)]
        for name in names:
            place.push(name, [_OLD])
        repo = _automated(place, names)
        house.registry.notify([place.hook()])
        times = []
        for done, name in enumerate(names):
            show("tags pushed", done, _PROPOSALS)
            began = time.monotonic()
            times.append(_pushed(place, repo, name))
            time.sleep(max(0.0, began + _PAUSE - time.monotonic()))
        return times


def _automated(place: _Place, names: list[str]) -> Repository:
    """Have what is pushed proposed in a repository that has every image, each in a file of its own."""
    house = place.house
    files: dict[str, str | bytes] = {f"app/{name}.yaml": _file(place, name) for name in names}
    repo = house.forge.create_repository("acme", "images", files={".fairway.yaml": _SETTINGS, **files})
    house.forge.install(house.forge.app("fairway"), "acme")
    source = {"url": repo.clone_url, "ref": {"branch": "main"}, "interval": "1h"}
    place.create("source.toolkit.fluxcd.io/v1", "GitRepository", {"images": source})
    kustomization = _KUSTOMIZATION | {"targetNamespace": place.namespace}
    place.create("kustomize.toolkit.fluxcd.io/v1", "Kustomization", {"images": kustomization})
    place.follow(names, _CHOICES[:1])
    place.create(_IMAGES, "ImageUpdateAutomation", {"images": _AUTOMATION})
    return repo


def _pushed(place: _Place, repo: Repository, name: str) -> float:
    """Push a new tag of an image; returns the seconds until its pull request is there."""
    ending, began = f"/{name} {_OLD} → {_NEW}", time.monotonic()
    place.house.registry.push(place.path(name), _NEW)
    while time.monotonic() - began < _WITHIN:
        if any(pull["title"].endswith(ending) for pull in place.house.forge.pull_requests(repo)):
            return time.monotonic() - began
        time.sleep(_POLL)
    raise RuntimeError(f"{name}:{_NEW} was not proposed within {_WITHIN:.0f} s")


def _file(place: _Place, name: str) -> str:
    image = f"{place.house.registry.host}/{place.path(name)}:{_OLD}"
    marker = f'# {{"$imagepolicy": "{place.namespace}:{name}-0"}}'
    return _MANIFEST.format(name=name, image=image, marker=marker)


_SETTINGS = """version: 1
pullRequests:
  images: {limit: 100, perHour: 100}
"""
_KUSTOMIZATION: Object = {
    "sourceRef": {"kind": "GitRepository", "name": "images"},
    "path": "./app",
    "interval": "1h",
    "prune": True,
}
_AUTOMATION: Object = {
    "interval": "1h",
    "sourceRef": {"kind": "GitRepository", "name": "images"},
    "git": {"commit": {"author": {"email": "fairway@example.com"}}},
}
_MANIFEST = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
spec:
  replicas: 0
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
    spec:
      containers:
      - name: {name}
        image: {image} {marker}
"""
