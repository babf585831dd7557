# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest

from policies.kinds import RepositoryBinding
from policies.tenancy import Environment, Tenant, Write, tenant

FLEET, OTHER = 512345, 999


def binding(*namespaces: str, number: int = FLEET, deleted: bool = False, **spec: Any) -> RepositoryBinding:
    return RepositoryBinding.read(
        {
            "metadata": {"name": "fleet"}
            | ({"deletionTimestamp": "2026-03-01T12:00:00Z"} if deleted else {}),
            "spec": {
                "repository": {"owner": "acme", "name": "fleet", "id": number},
                "namespaces": list(namespaces),
                **spec,
            },
        }
    )


def strict(*bindings: RepositoryBinding, served: bool = True) -> Tenant:
    return tenant("acme", FLEET, served=served, tenancy="strict", bindings=bindings)


def single(*bindings: RepositoryBinding, served: bool = True) -> Tenant:
    return tenant("acme", FLEET, served=served, tenancy="single", bindings=bindings)


@pytest.mark.parametrize(
    ("found", "covered"),
    [
        (single(), {"apps", "infra"}),
        (single(binding("apps")), {"apps", "infra"}),
        (strict(), set()),
        (strict(binding("apps")), {"apps"}),
        (strict(binding("apps"), binding("infra")), {"apps", "infra"}),
        (strict(binding("apps", number=OTHER)), set()),
        (strict(binding("apps", deleted=True)), set()),
        (strict(binding("apps"), served=False), set()),
        (single(binding("apps"), served=False), set()),
    ],
    ids=[
        "single",
        "single with a binding",
        "strict",
        "strict with a binding",
        "strict with two",
        "the same name, another number",
        "a binding that is being deleted",
        "strict, account not served",
        "single, account not served",
    ],
)
def test_a_repository_concerns_the_namespaces_it_is_bound_to(found: Tenant, covered: set[str]) -> None:
    assert {n for n in ("apps", "infra") if found.covers(n)} == covered
    assert found.bound == bool(covered)
    assert bool(found.reason) == bool(found.remedy) == (not covered)


def test_a_missing_binding_is_named_with_the_number_it_needs() -> None:
    assert strict().reason == "no RepositoryBinding names repository 512345 of acme"
    assert "spec.repository.id 512345" in strict().remedy


def test_an_account_outside_is_told_apart_from_a_missing_binding() -> None:
    found = strict(served=False)
    assert found.reason == "account acme is not served here"
    assert "FAIRWAY_GITHUB_ACCOUNTS" in found.remedy


@pytest.mark.parametrize(
    ("spec", "write"),
    [({}, Write.PR), ({"write": "none"}, Write.NONE), ({"write": "merge"}, Write.MERGE)],
    ids=["not said", "none", "merge"],
)
def test_a_binding_says_what_may_be_done_to_the_repository(spec: dict[str, Any], write: Write) -> None:
    assert strict(binding("apps", **spec)).write("apps") is write
    assert strict(binding("apps", **spec)).write("infra") is Write.NONE


def test_one_binding_does_not_lend_its_rights_to_the_namespaces_of_another() -> None:
    found = strict(
        binding("apps", write="merge", verbs=["promote"]), binding("infra", write="none", verbs=["plan"])
    )
    assert (found.write("apps"), found.write("infra")) == (Write.MERGE, Write.NONE)
    allowed = {(v, n) for v in ("promote", "plan") for n in ("apps", "infra") if found.may(v, n)}
    assert allowed == {("promote", "apps"), ("plan", "infra")}


@pytest.mark.parametrize(
    ("verbs", "allowed"),
    [(None, {"promote", "plan"}), (["plan"], {"plan"}), ([], set())],
    ids=["not said", "one", "none"],
)
def test_verbs_that_are_listed_are_the_only_ones(verbs: list[str] | None, allowed: set[str]) -> None:
    said: dict[str, Any] = {} if verbs is None else {"verbs": verbs}
    found = strict(binding("apps", **said))
    assert {verb for verb in ("promote", "plan") if found.may(verb, "apps")} == allowed


def test_in_single_tenancy_a_binding_adds_to_what_everybody_has() -> None:
    found = single(binding("apps", write="merge", environments=[{"name": "prod", "protected": True}]))
    assert (found.write("apps"), found.write("infra")) == (Write.MERGE, Write.PR)
    assert found.environment("prod") == Environment("prod", frozenset({"apps"}), protected=True)


def test_an_environment_is_all_of_its_binding_unless_it_says_less() -> None:
    prod, test = {"name": "prod", "namespaces": ["apps"], "protected": True}, {"name": "test"}
    found = strict(binding("apps", "infra", environments=[prod, test]))
    assert found.environment("prod") == Environment("prod", frozenset({"apps"}), protected=True)
    assert found.environment("test") == Environment("test", frozenset({"apps", "infra"}), protected=False)
    assert [e.name for e in found.environments("infra")] == ["test"]
    assert [e.name for e in found.environments("apps")] == ["prod", "test"]
    assert found.environments("elsewhere") == []
    assert found.environment("staging") is None


def test_an_environment_never_reaches_beyond_its_binding() -> None:
    outside = {"name": "prod", "namespaces": ["apps", "kube-system"]}
    found = strict(binding("apps", environments=[outside])).environment("prod")
    assert found is not None
    assert not found.covers("kube-system")


def test_where_bindings_differ_on_an_environment_protection_wins() -> None:
    found = strict(
        binding("apps", environments=[{"name": "prod"}]),
        binding("infra", environments=[{"name": "prod", "protected": True}]),
    )
    assert found.environment("prod") == Environment("prod", frozenset({"apps", "infra"}), protected=True)
