# SPDX-License-Identifier: Apache-2.0
"""The real API server holds our definitions and, under another group, Flux's: its verdicts must agree."""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from policies.kinds import (
    GitRepository,
    ImagePolicy,
    ImageRepository,
    ImageUpdateAutomation,
    Kind,
    Kustomization,
    Order,
    Receiver,
    RepositoryBinding,
)
from policies.kinds.crd import document
from policies.objects import ObjectRef
from tests.fixtures.cluster import Cluster
from tests.fixtures.upstream import UpstreamCRD
from tests.policies.kinds.image_objects import (
    AUTOMATION,
    AUTOMATION_STATUS,
    AUTOMATION_TABLE,
    FULL_AUTOMATION,
    FULL_POLICY,
    FULL_REPOSITORY,
    POLICY,
    POLICY_STATUS,
    POLICY_TABLE,
    REPOSITORY,
    REPOSITORY_STATUS,
    REPOSITORY_TABLE,
)
from tests.policies.kinds.objects import (
    BINDING,
    FULL_BINDING,
    FULL_GIT,
    FULL_KS,
    FULL_ORDER,
    GIT,
    GIT_STATUS,
    GIT_TABLE,
    KS,
    KS_STATUS,
    KS_TABLE,
    ORDER,
    ORDER_STATUS,
    Object,
    changed,
    paths,
)
from tests.policies.kinds.receiver_objects import (
    FULL_RECEIVER,
    OIDC_RECEIVER,
    OIDC_TABLE,
    RECEIVER,
    RECEIVER_STATUS,
    RECEIVER_TABLE,
)
from workers.cluster import ApiError, Client, NotFound, connect
from workers.cluster.errors import TooManyRequests

_GROUPS = re.compile(r"(?:ours|theirs)-[a-z.]+|[\[\]]")
# What a field of each type is not, or is at its edge.
_WRONG: list[Any] = [None, "", "x", "n" * 400, 0, -1, True, [], {}, ["x"], {"name": "x"}, [{}]]


_FLUX: list[type[Kind]] = [
    GitRepository,
    Kustomization,
    ImageRepository,
    ImagePolicy,
    ImageUpdateAutomation,
    Receiver,
]


@dataclass(frozen=True)
class Verdict:
    """What the API server made of an object: what it holds then, or why it was refused."""

    held: Object | None
    refusal: str = ""

    @property
    def accepted(self) -> bool:
        return self.held is not None


class Definitions:
    """A kind under two groups, so that both definitions can be served at once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._installed: list[ObjectRef] = []

    def install(self, crd: Object, prefix: str) -> str:
        """Serve a definition under another group, and return the group."""
        crd = copy.deepcopy(crd)
        group = f"{prefix}-{crd['spec']['group']}"
        crd["spec"]["group"] = group
        crd["spec"]["names"].pop("categories", None)
        crd["spec"]["names"].pop("shortNames", None)
        crd["metadata"]["name"] = f"{crd['spec']['names']['plural']}.{group}"
        ref = ObjectRef.of(self._client.apply(crd, manager="test"))
        self._installed.append(ref)
        deadline = time.monotonic() + 20
        while not self._served(group, crd):
            assert time.monotonic() < deadline, f"{ref} is not served: {self._client.get(ref)['status']}"
            time.sleep(0.05)
        return group

    def remove(self) -> None:
        """Leave the cluster to the next tests without second kinds of the same names."""
        for ref in self._installed:
            self._client.delete(ref)

    def _served(self, group: str, crd: Object) -> bool:
        """Established does not yet mean that requests find the handler."""
        version, plural = crd["spec"]["versions"][0]["name"], crd["spec"]["names"]["plural"]
        try:
            self._client.request("GET", f"/apis/{group}/{version}/{plural}")
        except (NotFound, TooManyRequests):  # the latter while its storage is being opened
            return False
        return True

    def judge(self, kind: type[Kind], group: str, body: Object) -> Verdict:
        """Ask what would become of a new object; unknown fields count as mistakes."""
        return self._ask("POST", _path(kind, group), _object(kind, group, body), dry=True)

    def keep(self, kind: type[Kind], group: str, body: Object) -> None:
        """Make the object whose status is judged."""
        kept = _object(kind, group, {**body, "metadata": {"name": "kept"}})
        made = self._ask("POST", _path(kind, group), kept, dry=False)
        assert made.accepted, made.refusal

    def judge_status(self, kind: type[Kind], group: str, status: Any) -> Verdict:
        """Ask what would become of the kept object's status."""
        path = f"{_path(kind, group)}/kept"
        known = self._client.request("GET", path)
        return self._ask("PUT", f"{path}/status", {**known, "status": status}, dry=True)

    def judge_spec(self, kind: type[Kind], group: str, spec: Any) -> Verdict:
        """Ask what would become of the kept object with another spec."""
        path = f"{_path(kind, group)}/kept"
        known = self._client.request("GET", path)
        return self._ask("PUT", path, {**known, "spec": spec}, dry=True)

    def _ask(self, method: str, path: str, obj: Object, *, dry: bool) -> Verdict:
        query = {"fieldValidation": "Strict"} | ({"dryRun": "All"} if dry else {})
        try:
            held = self._client.request(method, path, query=query, body=obj)
        except NotFound as error:
            raise AssertionError(f"{path} is not served: {error}") from error
        except ApiError as error:
            # Several complaints come in no particular order.
            return Verdict(None, ", ".join(sorted(_GROUPS.sub("", error.message).split(", "))))
        return Verdict({key: held.get(key) for key in ("spec", "status")})


def _path(kind: type[Kind], group: str) -> str:
    about = kind.definition
    namespace = "" if about.scope == "Cluster" else "/namespaces/default"
    return f"/apis/{group}/{about.version}{namespace}/{about.plural}"


def _object(kind: type[Kind], group: str, body: Object) -> Object:
    about = kind.definition
    return {"apiVersion": f"{group}/{about.version}", "kind": about.kind, "metadata": {"name": "x"}, **body}


@pytest.fixture(scope="module")
def definitions(cluster: Cluster) -> Iterator[Definitions]:
    installed = Definitions(connect(kubeconfig=str(cluster.kubeconfig)))
    yield installed
    installed.remove()


@pytest.fixture(scope="module", params=_FLUX, ids=lambda kind: kind.__name__)
def pair(
    request: pytest.FixtureRequest, definitions: Definitions, upstream_crd: UpstreamCRD
) -> tuple[type[Kind], str, str]:
    kind: type[Kind] = request.param
    theirs = upstream_crd(kind.definition.group, kind.definition.plural)
    return kind, definitions.install(document(kind), "ours"), definitions.install(theirs, "theirs")


_FULL = {
    "GitRepository": FULL_GIT,
    "Kustomization": FULL_KS,
    "ImageRepository": FULL_REPOSITORY,
    "ImagePolicy": FULL_POLICY,
    "ImageUpdateAutomation": FULL_AUTOMATION,
    "Receiver": FULL_RECEIVER,
}
_SMALL = {
    "GitRepository": GIT,
    "Kustomization": KS,
    "ImageRepository": REPOSITORY,
    "ImagePolicy": POLICY,
    "ImageUpdateAutomation": AUTOMATION,
    "Receiver": RECEIVER,
}
_STATUS = {
    "GitRepository": GIT_STATUS,
    "Kustomization": KS_STATUS,
    "ImageRepository": REPOSITORY_STATUS,
    "ImagePolicy": POLICY_STATUS,
    "ImageUpdateAutomation": AUTOMATION_STATUS,
    "Receiver": RECEIVER_STATUS,
}
_TABLES = {
    "GitRepository": GIT_TABLE,
    "Kustomization": KS_TABLE,
    "ImageRepository": REPOSITORY_TABLE,
    "ImagePolicy": POLICY_TABLE,
    "ImageUpdateAutomation": AUTOMATION_TABLE,
    "Receiver": RECEIVER_TABLE,
}
# Fields that exclude each other need a second full object.
_MORE = {"Receiver": [(OIDC_RECEIVER, OIDC_TABLE)]}
Pair = tuple[type[Kind], str, str]


def test_the_table_of_good_and_bad_values_holds_under_both(definitions: Definitions, pair: Pair) -> None:
    kind, ours, theirs = pair
    tables = [(_FULL[kind.__name__], _TABLES[kind.__name__]), *_MORE.get(kind.__name__, [])]
    for full, (field, value, accepted) in [(full, row) for full, table in tables for row in table]:
        spec = changed(full, field, value)
        mine = definitions.judge(kind, ours, {"spec": spec})
        assert mine.accepted == accepted, f"{field} = {value!r}: {mine}"
        assert mine == definitions.judge(kind, theirs, {"spec": spec}), f"{field} = {value!r}"


def test_defaults_are_filled_in_alike(definitions: Definitions, pair: Pair) -> None:
    kind, ours, theirs = pair
    for body in ({}, {"spec": _SMALL[kind.__name__]}, {"spec": _FULL[kind.__name__]}):
        mine = definitions.judge(kind, ours, body)
        assert mine.accepted
        assert mine == definitions.judge(kind, theirs, body)
        assert (mine.held or {})["status"] == {"observedGeneration": -1}


def test_an_empty_spec_is_refused_alike(definitions: Definitions, pair: Pair) -> None:
    kind, ours, theirs = pair
    mine = definitions.judge(kind, ours, {"spec": {}})
    assert not mine.accepted
    assert mine == definitions.judge(kind, theirs, {"spec": {}})


def test_every_field_misused_in_every_way_gets_the_same_verdict(definitions: Definitions, pair: Pair) -> None:
    kind, ours, theirs = pair
    bodies = _misused({"spec": _FULL[kind.__name__]})
    _agree(
        bodies,
        lambda body: definitions.judge(kind, ours, body),
        lambda body: definitions.judge(kind, theirs, body),
    )


def test_every_field_of_the_status_misused_gets_the_same_verdict(
    definitions: Definitions, pair: Pair
) -> None:
    kind, ours, theirs = pair
    full, spec = _STATUS[kind.__name__], {"spec": _SMALL[kind.__name__]}
    for group in (ours, theirs):
        definitions.keep(kind, group, spec)
        assert definitions.judge_status(kind, group, full).accepted
    _agree(
        _misused(full),
        lambda status: definitions.judge_status(kind, ours, status),
        lambda status: definitions.judge_status(kind, theirs, status),
    )


def _misused(full: Object) -> dict[str, Object]:
    """Return the object with each of its values dropped and replaced by others, by what was done to it."""
    dropped = {f"{path} dropped": changed(full, path, drop=True) for path in paths(full)}
    return dropped | {f"{p} = {value!r}": changed(full, p, value) for p in paths(full) for value in _WRONG}


def _agree(
    bodies: dict[str, Object], ours: Callable[[Object], Verdict], theirs: Callable[[Object], Verdict]
) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(
            zip(bodies, pool.map(ours, bodies.values()), pool.map(theirs, bodies.values()), strict=True)
        )
    assert [(what, mine, upstream) for what, mine, upstream in found if mine != upstream] == []
    # Both kinds of verdict have to come up, or the comparison says nothing.
    assert 0.1 < sum(mine.accepted for _, mine, _ in found) / len(found) < 0.9


_BINDINGS: list[tuple[str, Object, bool]] = [
    ("the least", BINDING, True),
    ("everything", FULL_BINDING, True),
    ("no repository", changed(BINDING, "repository", drop=True), False),
    ("no number", changed(BINDING, "repository.id", drop=True), False),
    ("number 0", changed(BINDING, "repository.id", 0), False),
    ("a number as text", changed(BINDING, "repository.id", "512345"), False),
    ("no namespaces", changed(BINDING, "namespaces", []), False),
    ("every namespace", changed(BINDING, "namespaces", ["*"]), False),
    ("a namespace twice", changed(BINDING, "namespaces", ["apps", "apps"]), False),
    ("too long a namespace", changed(BINDING, "namespaces", ["n" * 64]), False),
    ("an unknown way to write", changed(BINDING, "write", "push"), False),
    ("no verbs", changed(BINDING, "verbs", []), True),
    ("a verb with a slash", changed(BINDING, "verbs", ["/promote"]), False),
    (
        "an environment outside",
        changed(FULL_BINDING, "environments.0.namespaces", ["apps", "kube-system"]),
        False,
    ),
    ("an environment twice", changed(FULL_BINDING, "environments.1.name", "prod"), False),
    ("an unknown field", changed(BINDING, "branches", ["main"]), False),
]


@pytest.fixture(scope="module")
def bindings(definitions: Definitions) -> str:
    return definitions.install(document(RepositoryBinding), "ours")


@pytest.mark.parametrize(("spec", "accepted"), [row[1:] for row in _BINDINGS], ids=[r[0] for r in _BINDINGS])
def test_a_binding_says_what_it_means_or_is_refused(
    definitions: Definitions, bindings: str, spec: Object, accepted: bool
) -> None:
    found = definitions.judge(RepositoryBinding, bindings, {"spec": spec})
    assert found.accepted == accepted, found.refusal


def test_a_binding_needs_a_spec(definitions: Definitions, bindings: str) -> None:
    assert "spec" in definitions.judge(RepositoryBinding, bindings, {}).refusal


def test_a_binding_opens_pull_requests_and_leaves_environments_open_by_default(
    definitions: Definitions, bindings: str
) -> None:
    held = definitions.judge(RepositoryBinding, bindings, {"spec": FULL_BINDING | {"write": None}}).held
    assert held is not None
    assert held["spec"]["write"] == "pr"
    assert held["spec"]["environments"][1] == {"name": "staging", "protected": False}


_ORDERS: list[tuple[str, Object, bool]] = [
    ("the least", ORDER, True),
    ("everything", FULL_ORDER, True),
    ("no verb", changed(ORDER, "verb", drop=True), False),
    ("a verb with a slash", changed(ORDER, "verb", "/lock"), False),
    ("no actor", changed(ORDER, "actor", drop=True), False),
    ("an actor without a number", changed(ORDER, "actor.id", drop=True), False),
    ("actor 0", changed(ORDER, "actor.id", 0), False),
    ("no comment", changed(ORDER, "comment", drop=True), False),
    ("another kind of comment", changed(ORDER, "comment.kind", "issue"), False),
    ("a button", changed(ORDER, "comment", {"kind": "check", "id": 1, "line": 0}), True),
    ("a line before the first", changed(ORDER, "comment.line", -1), False),
    ("no repository", changed(ORDER, "repository", drop=True), False),
    ("a target without its uid", changed(FULL_ORDER, "target.uid", drop=True), False),
    ("an environment that is no label", changed(FULL_ORDER, "environment", "Prod"), False),
    ("a short head", changed(FULL_ORDER, "headSHA", "abc1234"), False),
    ("pull request 0", changed(FULL_ORDER, "pullRequest", 0), False),
    ("too long a reason", changed(FULL_ORDER, "reason", "x" * 1025), False),
    ("too many arguments", changed(FULL_ORDER, "arguments", {str(n): "" for n in range(17)}), False),
    ("an end that is no time", changed(FULL_ORDER, "expiresAt", "soon"), False),
    ("an unknown field", changed(ORDER, "sha", "x"), False),
]


@pytest.fixture(scope="module")
def order_group(definitions: Definitions) -> str:
    return definitions.install(document(Order), "ours")


@pytest.mark.parametrize(("spec", "accepted"), [row[1:] for row in _ORDERS], ids=[r[0] for r in _ORDERS])
def test_an_order_says_what_it_means_or_is_refused(
    definitions: Definitions, order_group: str, spec: Object, accepted: bool
) -> None:
    found = definitions.judge(Order, order_group, {"spec": spec})
    assert found.accepted == accepted, found.refusal


def test_an_order_does_not_change_and_its_status_does(definitions: Definitions, order_group: str) -> None:
    definitions.keep(Order, order_group, {"spec": FULL_ORDER})
    changes = changed(FULL_ORDER, "arguments.environment", "dev"), changed(FULL_ORDER, "reason", drop=True)
    for spec in changes:
        assert "does not change" in definitions.judge_spec(Order, order_group, spec).refusal
    assert definitions.judge_spec(Order, order_group, FULL_ORDER).accepted
    assert definitions.judge_status(Order, order_group, ORDER_STATUS).accepted
    assert not definitions.judge_status(Order, order_group, ORDER_STATUS | {"phase": "over"}).accepted
