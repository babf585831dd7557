# SPDX-License-Identifier: Apache-2.0
"""What is left of a grant: never more than there was; what is asked beyond it is named and has no effect."""

from __future__ import annotations

from typing import Any

import pytest

from policies.kinds import RepositoryBinding
from policies.orders.people import Role
from policies.orders.rules import Rule
from policies.repofile import ABSENT, Narrowed, narrow, read
from policies.tenancy import Environment, Tenant, tenant

FLEET = 512345
PROD = {"name": "prod", "namespaces": ["apps", "web"], "protected": True}
STAGING = {"name": "staging", "namespaces": ["apps"]}


def strict(*environments: dict[str, Any], **spec: Any) -> Tenant:
    binding = RepositoryBinding.read(
        {
            "metadata": {"name": "fleet"},
            "spec": {
                "repository": {"owner": "acme", "name": "fleet", "id": FLEET},
                "namespaces": ["apps", "web", "infra"],
                "environments": list(environments),
                **spec,
            },
        }
    )
    return tenant("acme", FLEET, served=True, tenancy="strict", bindings=[binding])


def single() -> Tenant:
    return tenant("acme", FLEET, served=True, tenancy="single")


def narrowed(text: str, granted: Tenant | None = None, *, cluster: str = "eu") -> Narrowed:
    return narrow(
        granted or strict(PROD, STAGING), read(f"version: 1\n{text}".encode()), owner="Acme", cluster=cluster
    )


def said(found: Narrowed) -> list[str]:
    return [f"{p.where.line}:{p.where.column} {p.level}: {p}" for p in found.problems]


def test_a_repository_without_the_file_keeps_its_grant() -> None:
    granted = strict(PROD, STAGING)
    found = narrow(granted, ABSENT, owner="acme", cluster="eu")
    assert (found.tenant, found.home, found.listed, found.unreadable) == (granted, True, True, None)
    assert found.rules.rule("promote", "prod") == Rule()


def test_namespaces_and_protection_are_narrowed() -> None:
    found = narrowed("environments: {prod: {namespaces: [web]}, staging: {protected: on}}")
    assert found.problems == ()
    assert found.tenant.environment("prod") == Environment("prod", frozenset({"web"}), True)
    assert found.tenant.environment("staging") == Environment("staging", frozenset({"apps"}), True)
    assert found.tenant.covers("infra")


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "environments: {prod: {namespaces: [web, infra]}, prd: {}}",
            [
                "2:41 failure: environments.prod.namespaces[1]: the binding does not have namespace infra"
                " in prod: it has apps, web",
                "2:50 failure: environments.prd: no RepositoryBinding of this repository has this"
                " environment: did you mean prod?",
            ],
        ),
        (
            "environments: {prod: {protected: off, selfApproval: on}}",
            [
                "2:23 failure: environments.prod.protected: the binding protects this environment:"
                " remove the line, it has no effect",
                "2:39 failure: environments.prod.selfApproval: the binding protects this environment:"
                " remove the line, it has no effect",
            ],
        ),
        (
            "orders: {lock: {teams: [other/release], environments: {dev: off}}}",
            [
                "2:25 failure: orders.lock.teams[0]: other/release is no team of Acme: write Acme/TEAM",
                "2:56 failure: orders.lock.environments.dev: no RepositoryBinding of this repository has"
                " this environment: declare it in the binding",
            ],
        ),
        (
            "instances: {eu: {home: on, environments: [prod, dev]}, us: {environments: [only-there]}}\n"
            "environments: {only-there: {namespaces: [elsewhere]}}",
            [
                "2:49 failure: instances.eu.environments[1]: no RepositoryBinding of this repository has"
                " this environment: declare it in the binding",
            ],
        ),
        (
            "instances: {us: {home: on}}",
            [
                "2:1 warning: instances: eu, a Fairway that serves this repository, is not among them:"
                " add eu, or it takes no orders"
            ],
        ),
    ],
)
def test_what_reaches_beyond_the_binding_is_named(text: str, problems: list[str]) -> None:
    assert said(narrowed(text)) == problems


def test_an_order_that_the_binding_does_not_allow_is_not_gained_by_a_rule() -> None:
    found = narrowed("orders: {promote: {users: [alice]}}", strict(PROD, verbs=["lock"]))
    assert said(found) == [
        "2:10 warning: orders.promote: the RepositoryBinding does not allow /promote:"
        " remove the rule, or ask for the order"
    ]
    assert not found.tenant.may("promote", "apps")


def test_what_reaches_beyond_the_binding_has_no_effect() -> None:
    found = narrowed(
        "environments:\n"
        "  prod: {namespaces: [infra], protected: off, selfApproval: on}\n"
        "  dev: {namespaces: [apps]}\n"
        "orders: {lock: {teams: [other/release]}}\n"
    )
    assert found.tenant.environment("prod") == Environment("prod", frozenset(), True)
    assert found.tenant.environment("dev") is None
    assert not found.rules.rule("promote", "prod").self_approval
    # The rule names a team still, in which nobody is: so it lets nobody through, rather than everybody.
    assert found.rules.rule("lock", "") == Rule(teams=frozenset({"other/release"}))
    assert found.teams == frozenset()


def test_where_everything_is_granted_the_file_declares_environments() -> None:
    found = narrowed("environments: {prod: {namespaces: [apps], protected: on}, dev: {}}", single())
    assert found.tenant.environment("prod") == Environment("prod", frozenset({"apps"}), True)
    assert said(found) == [
        "2:59 failure: environments.dev: it has no namespaces:"
        " list them, or declare the environment in a RepositoryBinding"
    ]
    found = narrowed("orders: {lock: {environments: {prod: off}}}", single())
    assert [p.remedy for p in found.problems] == ["declare it under environments, with its namespaces"]


RELEASE = frozenset({"acme/release"})


@pytest.mark.parametrize(
    ("text", "verb", "environment", "rule"),
    [
        ("orders: {}", "lock", "prod", Rule()),
        ("orders: {lock: {users: [Alice]}}", "lock", "prod", Rule(users=frozenset({"alice"}))),
        ("orders: {lock: {users: [Alice]}}", "unlock", "prod", Rule()),
        ("orders: {lock: {roles: [admin, maintain]}}", "lock", "", Rule(role=Role.MAINTAIN)),
        ("orders: {lock: off}", "lock", "prod", Rule(off=True)),
        ("orders: {lock: {environments: {prod: off}}}", "lock", "prod", Rule(off=True)),
        ("orders: {lock: {environments: {prod: off}}}", "lock", "staging", Rule()),
        (
            "orders: {promote: {users: [a], environments: {prod: {teams: [ACME/release], approvals: 2}}}}",
            "promote",
            "prod",
            Rule(teams=RELEASE, approvals=2),
        ),
        (
            "environments: {staging: {teams: [acme/release], codeowners: on, selfApproval: on}}",
            "rollback",
            "staging",
            Rule(teams=RELEASE, code_owners=True, self_approval=True),
        ),
        ("environments: {staging: {teams: [acme/release]}}", "lock", "staging", Rule()),
        ("environments: {staging: {approvals: 2}}", "promote", "staging", Rule(approvals=2)),
        (
            "environments: {staging: {users: [a]}}\norders: {rollback: off}",
            "rollback",
            "staging",
            Rule(users=frozenset({"a"}), off=True),
        ),
        (
            "environments: {staging: {users: [a], selfApproval: on}}\n"
            "orders: {promote: {environments: {staging: {users: [b]}}}}",
            "promote",
            "staging",
            Rule(users=frozenset({"b"}), self_approval=True),
        ),
        (
            "environments: {staging: {selfApproval: on}}\norders: {promote: {users: [b], approvals: 1}}",
            "promote",
            "staging",
            Rule(users=frozenset({"b"}), approvals=1, self_approval=True),
        ),
        ("environments: {prod: {selfApproval: on}}", "promote", "prod", Rule()),
    ],
)
def test_the_rule_that_counts_is_the_most_special_one(
    text: str, verb: str, environment: str, rule: Rule
) -> None:
    found = narrowed(text)
    assert found.unreadable is None
    assert found.rules.rule(verb, environment) == rule


def test_only_what_is_special_to_an_environment_has_a_rule_of_its_own() -> None:
    found = narrowed("environments: {prod: {namespaces: [apps]}}\norders: {lock: {users: [a]}, promote: off}")
    assert set(found.rules.orders) == {"lock", "promote"}
    assert found.rules.environments == {}


def test_one_instance_answers_and_each_has_its_own_environments() -> None:
    text = "instances: {eu: {home: on, environments: [prod]}, us: {environments: [staging]}}"
    home, other, stranger = (narrowed(text, cluster=name) for name in ("eu", "us", "asia"))
    assert [(one.home, one.listed) for one in (home, other, stranger)] == [
        (True, True),
        (False, True),
        (False, False),
    ]
    assert (home.others, other.others) == ({"staging"}, {"prod"})
    assert home.tenant.environment("staging") is None
    assert other.tenant.environment("prod") is None
    assert [e.name for e in other.tenant.environments("apps")] == ["staging"]


def test_a_file_that_cannot_be_read_stops_orders_and_grants_no_more() -> None:
    found = narrowed("instances: {us: {home: on}}\norders: {promot: off}\nenvironments: {prod: {}}")
    assert found.unreadable is not None
    assert found.unreadable.where.line == 3
    assert found.tenant == strict(PROD, STAGING)
    assert not found.home  # the file is clear enough about that
    assert narrowed("orders: [").home


def test_what_is_shown_can_be_switched_off() -> None:
    shows = narrowed("pullRequests: {comment: off, deployments: off, statuses: {perObject: on}}").shows
    assert (shows.comment, shows.checks, shows.deployments, shows.status_per_object) == (
        False,
        True,
        False,
        True,
    )


def test_a_repository_without_a_binding_is_told_nothing_of_it() -> None:
    unbound = tenant("acme", FLEET, served=True, tenancy="strict")
    found = narrowed("environments: {prod: {namespaces: [apps]}}", unbound)
    assert (found.tenant, found.problems) == (unbound, ())
