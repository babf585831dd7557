# SPDX-License-Identifier: Apache-2.0
"""Who may order what: a table of facts and what is decided on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from policies.kinds import RepositoryBinding
from policies.orders.people import Person, Role
from policies.orders.permissions import Allowed, Change, Facts, decide
from policies.orders.registry import COMMANDS, SERVED, Command, Guard, find
from policies.orders.rules import Rule, Rules
from policies.surface.refusals import Refused
from policies.tenancy import Tenant, tenant

HEAD, MERGED = "a1b2c3d" + "0" * 33, "c3d4e5f" + "2" * 33
ALICE, BOB = Person(11, "Alice", Role.WRITE), Person(12, "bob", Role.WRITE)
CAROL = Person(13, "carol", Role.WRITE, frozenset({"acme/release"}))
READER, TRIAGER = Person(14, "dave", Role.READ), Person(15, "erin", Role.TRIAGE)
RELEASE = Rule(teams=frozenset({"acme/release"}))


def bound(*more: dict[str, Any], **spec: Any) -> Tenant:
    repository = {"owner": "acme", "name": "fleet", "id": 7}
    first = {
        "namespaces": ["apps", "infra"],
        "environments": [
            {"name": "prod", "namespaces": ["apps"], "protected": True},
            {"name": "staging", "namespaces": ["infra"]},
        ],
        **spec,
    }
    bindings = [
        RepositoryBinding.read({"metadata": {"name": "x"}, "spec": {"repository": repository, **one}})
        for one in (first, *more)
    ]
    return tenant("acme", 7, served=True, tenancy="strict", bindings=bindings)


def command(name: str) -> Command:
    found = find(name)
    assert found is not None
    return found


CHANGE = Change(author=ALICE.id, head_sha=HEAD)


def facts(name: str, actor: Person = BOB, **more: Any) -> Facts:
    return Facts(command(name), actor, more.pop("tenant", bound()), more.pop("change", CHANGE), **more)


def refused(found: Allowed | Refused) -> str:
    assert isinstance(found, Refused), found
    assert found.reason
    assert found.remedy
    return f"{found.reason}: {found.remedy}"


@pytest.mark.parametrize("served", SERVED, ids=lambda one: one.name)
@pytest.mark.parametrize("role", Role)
def test_the_defaults_are_those_of_the_registry(served: Command, role: Role) -> None:
    environment = "staging" if served.takes_environment else ""
    found = decide(facts(served.name, Person(12, "bob", role), environment=environment))
    assert isinstance(found, Allowed) is (role >= served.role)
    if isinstance(found, Refused):
        said = refused(found)
        assert f"role {served.role.word}" in said
        assert "`bob` has" in said
        assert f"anybody with {served.role.word}" in said


def test_the_registry_gives_reading_to_readers_and_acting_to_writers() -> None:
    assert {one.name for one in SERVED if one.role is Role.READ} == {"help", "status", "locks"}
    assert {one.role for one in SERVED if one.acts} == {Role.WRITE}
    assert {one.name for one in SERVED if one.author} == {"hold", "unhold"}
    assert {one.name: one.guard for one in COMMANDS if one.guard is not Guard.NONE} == {
        "unlock": Guard.SECOND_PERSON,
        "rollback": Guard.PINNED,
        "reject": Guard.PINNED,
    }
    assert {one.name for one in SERVED if one.images} == {"ignore", "reject", "rescan", "rebase"}


def test_an_order_is_carried_out_in_the_namespaces_of_its_environment() -> None:
    assert decide(facts("lock", environment="prod")) == Allowed(frozenset({"apps"}))
    assert decide(facts("reconcile", namespaces=frozenset({"infra"}))) == Allowed(frozenset({"infra"}))


def test_one_without_an_environment_satisfies_the_rules_of_all_that_it_touches() -> None:
    rules = Rules({}, {("reconcile", "prod"): RELEASE, ("retry", "staging"): Rule(off=True)})
    both = frozenset({"apps", "infra"})
    assert "in `prod` it takes" in refused(decide(facts("reconcile", namespaces=both, rules=rules)))
    assert decide(facts("reconcile", CAROL, namespaces=both, rules=rules)) == Allowed(both)
    infra = frozenset({"infra"})
    assert decide(facts("reconcile", namespaces=infra, rules=rules)) == Allowed(infra)
    assert "off in `staging`" in refused(decide(facts("retry", namespaces=both, rules=rules)))
    # Only where it has an effect, not in the whole of each environment.
    narrow = bound(
        {"namespaces": ["other"], "verbs": ["hold"], "environments": [{"name": "staging"}]}, verbs=["retry"]
    )
    assert decide(facts("retry", tenant=narrow, namespaces=infra)) == Allowed(infra)


def test_without_a_binding_nobody_orders_anything() -> None:
    nobody = tenant("acme", 7, served=True, tenancy="strict")
    for served in SERVED:
        said = refused(decide(facts(served.name, Person(1, "root", Role.ADMIN), tenant=nobody)))
        assert "no RepositoryBinding names repository 7 of acme" in said
    foreign = tenant("mallory", 7, served=False, tenancy="single")
    assert "not served" in refused(decide(facts("help", tenant=foreign)))


@pytest.mark.parametrize("environment", ["prd", "default", "infra"])
def test_an_environment_is_one_of_the_bindings(environment: str) -> None:
    said = refused(decide(facts("lock", environment=environment)))
    assert f"no environment `{environment}`" in said
    assert "`prod` or `staging`" in said
    assert "spec.environments" in refused(
        decide(facts("lock", environment="x", tenant=bound(environments=[])))
    )


def test_a_binding_grants_orders_namespace_by_namespace() -> None:
    narrow = bound(
        {"namespaces": ["web"], "environments": [{"name": "edge", "namespaces": ["web"]}], "verbs": ["lock"]},
        verbs=["reconcile", "lock"],
    )
    ask = {"tenant": narrow}
    assert isinstance(decide(facts("lock", environment="edge", **ask)), Allowed)
    assert "grant `rollback`" in refused(decide(facts("rollback", environment="staging", **ask)))
    assert isinstance(decide(facts("reconcile", namespaces=frozenset({"apps"}), **ask)), Allowed)
    everywhere = facts("reconcile", namespaces=frozenset({"apps", "web"}), **ask)
    assert "`reconcile` in namespace `web`" in refused(decide(everywhere))
    elsewhere = facts("reconcile", namespaces=frozenset({"kube-system"}), **ask)
    assert "namespace `kube-system`" in refused(decide(elsewhere))
    # What has no effect needs no grant.
    assert isinstance(decide(facts("help", **ask, environment="")), Allowed)
    assert "grant `hold`" in refused(decide(facts("hold", tenant=bound(verbs=[]))))


def author(role: Role = Role.READ) -> Person:
    return Person(ALICE.id, "alice", role)


@pytest.mark.parametrize("name", ["hold", "unhold"])
def test_the_author_may_hold_and_take_an_own_hold_back(name: str) -> None:
    assert isinstance(decide(facts(name, author())), Allowed)
    assert isinstance(decide(facts(name, author(), holder=ALICE.id)), Allowed)
    assert "being the author" in refused(decide(facts(name, READER)))


def test_the_author_does_not_take_back_what_somebody_else_holds() -> None:
    for holder in (BOB.id, 0):
        assert "somebody else" in refused(decide(facts("unhold", author(), holder=holder)))
    assert isinstance(decide(facts("unhold", author(Role.WRITE), holder=BOB.id)), Allowed)


@pytest.mark.parametrize(
    ("public", "fork", "role", "allowed"),
    [
        (True, True, Role.READ, False),
        (True, True, Role.TRIAGE, True),
        (True, False, Role.READ, True),
        (False, True, Role.READ, True),
    ],
)
def test_the_author_from_a_fork_of_a_public_repository_is_anybody(
    public: bool, fork: bool, role: Role, allowed: bool
) -> None:
    asked = facts("hold", author(role), public=public, change=replace(CHANGE, from_fork=fork))
    assert isinstance(decide(asked), Allowed) is allowed


def test_a_pull_request_whose_author_is_gone_has_none() -> None:
    refused(decide(facts("hold", Person(0, "ghost", Role.READ), change=Change(None, HEAD))))


@pytest.mark.parametrize(
    ("rule", "actor", "allowed"),
    [
        (Rule(), BOB, True),
        (Rule(users=frozenset({"alice"})), ALICE, True),
        (Rule(users=frozenset({"alice"})), BOB, False),
        (RELEASE, CAROL, True),
        (RELEASE, BOB, False),
        (Rule(role=Role.MAINTAIN), BOB, False),
        (Rule(role=Role.MAINTAIN), replace(BOB, role=Role.ADMIN), True),
        (Rule(role=Role.READ), READER, False),  # a rule asks for more than the default, never for less
        (RELEASE, replace(CAROL, role=Role.READ), False),
        (Rule(users=frozenset({"bob"}), teams=frozenset({"acme/release"})), BOB, True),
        (Rule(code_owners=True), BOB, False),
        (Rule(code_owners=True), replace(BOB, teams=frozenset({"acme/web"})), True),
        (Rule(code_owners=True), replace(CAROL, teams=frozenset({"acme/x"})), False),
    ],
)
def test_a_rule_names_who_gives_an_order(rule: Rule, actor: Person, allowed: bool) -> None:
    change = replace(CHANGE, owners=(frozenset({"acme/web", "carol"}), frozenset({"acme/web"})))
    found = decide(facts("reconcile", actor, rules=Rules({"reconcile": rule}), change=change))
    assert isinstance(found, Allowed) is allowed


def test_where_nobody_owns_what_changed_no_code_owner_decides() -> None:
    rules = Rules({"reconcile": Rule(code_owners=True)})
    assert "a code owner" in refused(decide(facts("reconcile", rules=rules)))


def test_the_rule_of_an_environment_counts_there_and_only_there() -> None:
    rules = Rules({"lock": RELEASE}, {("lock", "staging"): Rule(users=frozenset({"bob"}))})
    assert isinstance(decide(facts("lock", BOB, environment="staging", rules=rules)), Allowed)
    assert "`@acme/release`" in refused(decide(facts("lock", BOB, environment="prod", rules=rules)))
    assert isinstance(decide(facts("lock", CAROL, environment="prod", rules=rules)), Allowed)
    assert "`@bob`" in refused(decide(facts("lock", CAROL, environment="staging", rules=rules)))


def rollback(actor: Person = BOB, rule: Rule | None = None, **more: Any) -> Facts:
    rules = Rules(environments={("rollback", "prod"): rule}) if rule else Rules()
    return facts("rollback", actor, environment="prod", rules=rules, **{"sha": "a1b2c3d", **more})


def test_an_order_into_a_protected_environment_names_its_commit() -> None:
    assert isinstance(decide(rollback()), Allowed)
    said = refused(decide(rollback(sha="")))
    assert "`prod` is protected" in said
    assert "`/rollback prod sha=a1b2c3d`" in said
    # Elsewhere it need not, and what only stops something need not anywhere.
    assert isinstance(decide(facts("rollback", environment="staging")), Allowed)
    assert isinstance(decide(facts("lock", author(Role.WRITE), environment="prod")), Allowed)


@pytest.mark.parametrize(
    "change",
    [
        Change(BOB.id, HEAD),
        Change(ALICE.id, HEAD, committers=frozenset({BOB.id})),
        Change(ALICE.id, HEAD, ordered_by=BOB.id),
    ],
    ids=["author", "committer", "orderer"],
)
def test_whoever_has_a_part_in_a_change_does_not_order_it_into_a_protected_environment(
    change: Change,
) -> None:
    assert "`bob`" in refused(decide(rollback(change=change)))
    assert "no part in the change" in refused(decide(facts("unlock", BOB, environment="prod", change=change)))
    assert isinstance(decide(rollback(change=change, rule=Rule(self_approval=True))), Allowed)
    assert isinstance(decide(facts("rollback", BOB, environment="staging", change=change)), Allowed)
    assert isinstance(decide(rollback(CAROL, change=change)), Allowed)


def test_self_approval_does_not_do_without_the_commit() -> None:
    refused(decide(rollback(sha="", rule=Rule(self_approval=True))))


def test_whoever_locked_an_environment_may_unlock_it() -> None:
    own = facts("unlock", author(Role.WRITE), environment="prod", holder=ALICE.id)
    assert isinstance(decide(own), Allowed)
    assert isinstance(decide(replace(own, actor=author(Role.READ))), Refused)
    refused(decide(replace(own, holder=BOB.id)))


@pytest.mark.parametrize(
    ("sha", "allowed"),
    [
        (HEAD, True),
        (HEAD[:7], True),
        (MERGED[:9], True),
        ("b" * 7, False),
        ("a1b2c3e", False),
        (HEAD[1:9], False),
    ],
)
def test_a_commit_that_is_named_is_the_head_or_what_was_merged(sha: str, allowed: bool) -> None:
    for name, environment in (("retry", ""), ("rollback", "prod"), ("rollback", "staging")):
        change = replace(CHANGE, merge_sha=MERGED)
        found = decide(facts(name, environment=environment, sha=sha, change=change))
        assert isinstance(found, Allowed) is allowed
        if not allowed:
            assert "`a1b2c3d`" in refused(found)


def test_approvals_are_counted_of_those_who_decide_and_have_no_part() -> None:
    two = replace(RELEASE, approvals=2)
    frank = Person(16, "frank", Role.WRITE, frozenset({"acme/release"}))
    alice_too = replace(ALICE, teams=frozenset({"acme/release"}))
    reader_too = replace(READER, teams=frozenset({"acme/release"}))

    def asked(*approvals: Person, rule: Rule = two) -> Allowed | Refused:
        return decide(rollback(rule=rule, change=replace(CHANGE, approvals=approvals)))

    assert "2 approvals" in refused(asked())
    assert "there is 1" in refused(asked(CAROL))
    assert "there is 1" in refused(asked(CAROL, BOB, alice_too, reader_too))
    assert isinstance(asked(CAROL, frank), Allowed)
    assert isinstance(asked(CAROL, alice_too, rule=replace(two, self_approval=True)), Allowed)
    assert isinstance(asked(BOB, rule=Rule(approvals=1)), Allowed)


def test_with_approvals_of_others_the_author_may_give_the_order() -> None:
    change = replace(CHANGE, approvals=(CAROL,))
    one = replace(RELEASE, approvals=1)
    assert isinstance(decide(rollback(ALICE, one, change=change)), Allowed)
    assert "is the author" in refused(decide(rollback(ALICE, change=change)))


def test_a_refusal_tells_a_stranger_nothing_of_the_environments() -> None:
    said = refused(
        decide(
            facts("lock", READER, environment="prod", tenant=tenant("x", 9, served=False, tenancy="strict"))
        )
    )
    assert "prod" not in said


def test_what_is_switched_off_nobody_gives() -> None:
    off = Rules({"hold": Rule(off=True)}, {("lock", "prod"): Rule(off=True)})
    assert "switches `/hold` off" in refused(decide(facts("hold", Person(1, "root", Role.ADMIN), rules=off)))
    assert "in `prod`" in refused(decide(facts("lock", environment="prod", rules=off)))
    assert isinstance(decide(facts("lock", environment="staging", rules=off)), Allowed)


def test_with_a_configuration_that_cannot_be_read_nothing_acts() -> None:
    for served in SERVED:
        environment = "staging" if served.takes_environment else ""
        found = decide(facts(served.name, environment=environment, unreadable="line 3: it is no YAML"))
        assert isinstance(found, Allowed) is not served.acts
    assert "line 3" in refused(decide(facts("hold", unreadable="line 3: it is no YAML")))


def test_a_rejection_is_guarded_where_it_takes_back_what_runs() -> None:
    apps = frozenset({"apps"})
    found = decide(facts("reject", namespaces=apps))
    assert "write `/reject sha=a1b2c3d`" in refused(found)
    pinned = facts("reject", namespaces=apps, sha=HEAD[:7])
    assert isinstance(decide(pinned), Allowed)
    pushed = replace(CHANGE, committers=frozenset({BOB.id}))
    assert "wrote or pushed commits" in refused(decide(replace(pinned, change=pushed)))


def test_a_rejection_that_only_closes_is_nobodys_business_but_the_repositorys() -> None:
    apps, rule = frozenset({"apps"}), Rules({}, {("reject", "prod"): RELEASE})
    assert isinstance(decide(facts("reject", namespaces=apps, only_closes=True, rules=rule)), Allowed)
    off = Rules({"reject": Rule(off=True)})
    assert "switches" in refused(decide(facts("reject", namespaces=apps, only_closes=True, rules=off)))
    ungranted = facts("reject", namespaces=apps, only_closes=True, tenant=bound(verbs=["ignore"]))
    assert "does not grant `reject`" in refused(decide(ungranted))


@pytest.mark.parametrize("name", ["ignore", "rescan", "rebase", "reject"])
def test_rules_of_the_environment_that_an_automation_is_in_hold_for_images(name: str) -> None:
    infra, rules = frozenset({"infra"}), Rules({}, {(name, "staging"): RELEASE})
    assert "`bob` with write is not among them" in refused(decide(facts(name, namespaces=infra, rules=rules)))
    assert isinstance(decide(facts(name, CAROL, namespaces=infra, rules=rules)), Allowed)
