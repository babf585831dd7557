# SPDX-License-Identifier: Apache-2.0
"""A repository's file, read: what is right, and for what is wrong its line, its words and what to do."""

from __future__ import annotations

import pytest

from policies.repofile import Reading, read
from policies.repofile.positions import LARGEST

WHOLE = """\
version: 1
instances:
  prod-eu: {home: true, environments: [prod]}
  staging.eu: {environments: [staging, "yes"]}
environments:
  prod:
    namespaces: [apps, web]
    protected: on
    teams: [acme/release]
    approvals: 2
    codeowners: true
  staging: {approvals: 1, selfApproval: on}
  "yes": {}
orders:
  status: {roles: [triage]}
  reconcile: on
  rollback: off
  promote:
    roles: [maintain]
    users: [alice, Bob-2]
    environments:
      prod: {teams: [acme/release], approvals: 1, codeowners: on}
      staging: off
pullRequests:
  comment: on
  checks: true
  deployments: off
  statuses: {perObject: on}
"""


def said(text: str | bytes) -> list[str]:
    """Each problem as `line:column level: sentence`."""
    reading = read(text if isinstance(text, bytes) else text.encode())
    return [f"{p.where.line}:{p.where.column} {p.level}: {p}" for p in reading.problems]


def model_of(reading: Reading) -> dict[str, object]:
    assert reading.model is not None, reading.problems
    return reading.model.model_dump(by_alias=True, exclude_defaults=True)


def test_a_whole_file_is_read() -> None:
    reading = read(WHOLE.encode())
    assert reading.problems == ()
    assert reading.home == "prod-eu"
    assert model_of(reading) == {
        "version": 1,
        "instances": {
            "prod-eu": {"home": True, "environments": ["prod"]},
            "staging.eu": {"environments": ["staging", "yes"]},
        },
        "environments": {
            "prod": {
                "namespaces": ["apps", "web"],
                "protected": True,
                "teams": ["acme/release"],
                "approvals": 2,
                "codeowners": True,
            },
            "staging": {"approvals": 1, "selfApproval": True},
            "yes": {},
        },
        "orders": {
            "status": {"roles": ["triage"]},
            "reconcile": {},
            "rollback": {},
            "promote": {
                "roles": ["maintain"],
                "users": ["alice", "Bob-2"],
                "environments": {
                    "prod": {"teams": ["acme/release"], "approvals": 1, "codeowners": True},
                    "staging": {},
                },
            },
        },
        "pullRequests": {"deployments": False, "statuses": {"perObject": True}},
    }
    assert reading.model is not None
    orders = reading.model.orders
    assert (orders["rollback"].off, orders["reconcile"].off) == (True, False)
    assert [rule.off for rule in orders["promote"].environments.values()] == [False, True]


@pytest.mark.parametrize(
    "text", ["version: 1", "\ufeffversion: 1\r\n", "---\nversion: 1\n...\n", "{version: 1}"]
)
def test_the_least_file_says_nothing(text: str) -> None:
    assert model_of(read(text.encode())) == {"version": 1}


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("", ["1:1 failure: it is empty: begin with version: 1, or remove the file"]),
        ("# only this\n", ["1:1 failure: it is empty: begin with version: 1, or remove the file"]),
        ("---\n", ["1:1 failure: it is empty: begin with version: 1"]),
        ("- version: 1\n", ["1:1 failure: it is a list: write a mapping"]),
        ("version: 1\norders: {\n", ["2:1 failure: it is no YAML: did not find expected node content"]),
        (
            "version: 1\norders:\n\tretry: off\n",
            [
                "3:1 failure: it is no YAML: found character that cannot start any token:"
                " indent with spaces, not with tabs"
            ],
        ),
        (
            "version: 1\nversion: 1\n",
            ["2:1 failure: version: it stands here twice, first in line 1: keep one of them"],
        ),
        (
            "version: 1\norders: &o {retry: off}\nenvironments: *o\n",
            ["3:15 failure: environments: aliases are not followed: write out what it stands for"],
        ),
        (
            "version: !!int 1\norders: !x {}\n",
            [
                "1:10 failure: version: tags are not read: remove !!int",
                "2:9 failure: orders: tags are not read: remove !x",
            ],
        ),
        ("version: 1\n---\nversion: 1\n", ["2:1 failure: a second document begins here: keep one"]),
        ("version: 1\n? [a]\n: 1\n", ["2:3 failure: a key must be plain text"]),
        (
            "version: 1 # \u202eabc\n",
            ["1:14 failure: it has a character that cannot be seen, U+202E: remove it"],
        ),
        ("version: 1\r# x", ["1:11 failure: it has a character that cannot be seen, U+000D: remove it"]),
        (b"version: 1\n# \xff\n", ["2:1 failure: it is not UTF-8: save the file in UTF-8"]),
        (b"#" * (LARGEST + 1), ["1:1 failure: it is larger than 64 KiB"]),
        ("[" * 5000, ["1:18 failure: " + "[0]" * 16 + ": it is nested more than 16 levels deep"]),
    ],
)
def test_what_is_no_plain_yaml_is_refused_at_its_place(text: str | bytes, problems: list[str]) -> None:
    assert said(text) == problems


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("orders: {}", ["1:1 failure: version is missing: write version: 1"]),
        ("version: 2", ["1:10 failure: version: version 2 is not known here: write version: 1"]),
        ("version: '1'", ["1:10 failure: version: it is the text '1': write version: 1"]),
        ("version: true", ["1:10 failure: version: it is true: write version: 1"]),
        ("version: 1.0", ["1:10 failure: version: it is a number: write version: 1"]),
        ("version: 1\norder: {}", ["2:1 failure: order: there is no such key here: did you mean orders?"]),
        (
            "version: 1\nxyz: {}",
            [
                "2:1 failure: xyz: there is no such key here:"
                " known here: version, instances, environments, orders, pullRequests"
            ],
        ),
        ("version: 1\norders:\n", ["2:8 failure: orders: it is empty: write a mapping, or remove it"]),
        (
            "version: 1\norders:\n  retry:\n",
            [
                "3:9 failure: orders.retry: it is empty:"
                " write on, off, or a mapping with roles, users or teams"
            ],
        ),
        (
            "version: 1\nenvironments:\n  prod: {instance: eu, self_approval: on}\n",
            [
                "3:10 failure: environments.prod.instance: there is no such key here:"
                " list it at instances.NAME.environments",
                "3:24 failure: environments.prod.self_approval: there is no such key here:"
                " did you mean selfApproval?",
            ],
        ),
        (
            "version: 1\nenvironments:\n  Prod: {}\n",
            [
                "3:3 failure: environments.Prod: 'Prod' is no name of an environment:"
                " write up to 63 small letters, digits and dashes"
            ],
        ),
        (
            "version: 1\nenvironments:\n  prod:\n    namespaces: [1, true, ~, apps]\n    protected: 'true'\n",
            [
                "4:18 failure: environments.prod.namespaces[0]: it is a number: put it in quotes",
                "4:21 failure: environments.prod.namespaces[1]: it is true: put it in quotes",
                "4:27 failure: environments.prod.namespaces[2]: it is empty: write a text, or remove it",
                "5:16 failure: environments.prod.protected: it is 'true': write on or off, without quotes",
            ],
        ),
        (
            "version: 1\nenvironments: {prod: {approvals: 9}, dev: {approvals: yes}}\n",
            [
                "2:34 failure: environments.prod.approvals: it is 9: write 6 or less",
                "2:55 failure: environments.dev.approvals: it is the text 'yes': write a whole number",
            ],
        ),
        (
            "version: 1\norders:\n  retry:\n    roles: [writer, 7]\n    users: ['@alice', acme/release]\n"
            "    teams: [release, '@acme/release']\n  lock: {users: []}\n",
            [
                "4:13 failure: orders.retry.roles[0]: it is 'writer': did you mean write?",
                "4:21 failure: orders.retry.roles[1]: it is a number:"
                " write read, triage, write, maintain or admin",
                "5:13 failure: orders.retry.users[0]: '@alice' is no login: write it without @, as 'alice'",
                "5:23 failure: orders.retry.users[1]: 'acme/release' is no login: list it under teams",
                "6:13 failure: orders.retry.teams[0]: 'release' is no team:"
                " write organization/team, with the team as it stands in its address",
                "6:22 failure: orders.retry.teams[1]: '@acme/release' is no team:"
                " write it without @, as 'acme/release'",
                "7:17 failure: orders.lock.users: it is empty: name something, or remove it",
            ],
        ),
        (
            "version: 1\norders:\n  /retry: off\n  promot: off\n  qwertz: off\n",
            [
                "3:3 failure: orders./retry: there is no such order: did you mean retry?",
                "4:3 failure: orders.promot: there is no such order: did you mean promote?",
                "5:3 failure: orders.qwertz: there is no such order: known are abort, approve, help, hold,"
                " ignore, lock, locks, pause, plan, promote, rebase, reconcile, reject, rescan, resume,"
                " retry, rollback, skip-analysis, status, unhold, unlock",
            ],
        ),
        (
            "version: 1\norders:\n  status: {environments: {a: off}}\n",
            [
                "3:12 failure: orders.status.environments: /status changes nothing,"
                " so it concerns no environment: remove it",
            ],
        ),
        (
            "version: 1\ninstances: {a: {}, b: {}}",
            ["2:1 failure: instances: no instance is home: write home: true for the one that answers"],
        ),
        (
            "version: 1\ninstances:\n  a: {home: on}\n  b: {home: true}",
            ["4:7 failure: instances.b.home: a is home already: let one instance answer"],
        ),
        (
            "version: 1\ninstances:\n  a: {home: on, environments: [prod]}\n  b: {environments: [prod]}\n"
            "environments: {prd: {}}\norders: {lock: {environments: {dev: off}}}",
            [
                "4:22 failure: instances.b.environments[0]: environment prod is on a already: list it once",
                "5:16 failure: environments.prd: environment prd is on no instance: did you mean prod?",
                "6:32 failure: orders.lock.environments.dev: environment dev is on no instance:"
                " list it at instances.NAME.environments",
            ],
        ),
        (
            "version: 1\nenvironments:\n  prod: {protected: on, selfApproval: on}\n",
            [
                "3:25 failure: environments.prod.selfApproval: a protected environment needs somebody who has"
                " no part in the change: remove it, or the protection",
            ],
        ),
    ],
)
def test_what_is_wrong_is_named_at_its_place(text: str, problems: list[str]) -> None:
    assert said(text) == problems
    assert read(text.encode()).model is None


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "version: 1\norders: {retry: {users: [alice, Alice], roles: [write, admin, write]}}",
            [
                "2:33 warning: orders.retry.users[1]: Alice stands here twice: remove one",
                "2:56 warning: orders.retry.roles[1]: write includes admin: remove one of them",
                "2:63 warning: orders.retry.roles[2]: write stands here twice: remove one",
            ],
        ),
        (
            "version: 1\norders: {retry: {roles: [read]}}",
            [
                "2:26 warning: orders.retry.roles[0]: /retry needs the role write whatever stands here:"
                " name write or a higher one"
            ],
        ),
        (
            "version: 1\norders: {retry: {roles: [triage], approvals: 1}}\n"
            "environments: {prod: {roles: [read]}}",
            [
                "2:26 warning: orders.retry.roles[0]: an approval needs the role write whatever stands here:"
                " name write or a higher one",
                "3:31 warning: environments.prod.roles[0]: an approval needs the role write whatever stands"
                " here: name write or a higher one",
            ],
        ),
        (
            "version: 1\nenvironments: {prod: {users: [alice]}, dev: {}}\n"
            "orders:\n  rollback: {users: [bob]}\n  promote: {users: [bob], environments: {prod: off}}\n"
            "  lock: {users: [bob]}\n",
            [
                "4:3 warning: orders.rollback: for prod it does not count: environments.prod says who decides"
                " there: say it at orders.rollback.environments.prod",
            ],
        ),
    ],
)
def test_what_stands_there_in_vain_is_named_and_does_no_harm(text: str, problems: list[str]) -> None:
    assert said(text) == problems
    assert read(text.encode()).model is not None


@pytest.mark.parametrize(
    ("rule", "fulfilled"),
    [
        ("{users: [alice], approvals: 1}", True),
        ("{users: [alice], approvals: 2}", False),
        ("{users: [alice, Alice], approvals: 2}", False),
        ("{users: [alice, bob], approvals: 2}", True),
        ("{users: [alice], roles: [admin], approvals: 2}", True),
        ("{users: [alice], teams: [acme/release], approvals: 2}", True),
        ("{users: [alice], codeowners: on, approvals: 2}", True),
        ("{approvals: 6}", True),
    ],
)
@pytest.mark.parametrize(
    "place",
    ["environments: {prod: %s}", "orders: {lock: %s}", "orders: {lock: {environments: {prod: %s}}}"],
)
def test_a_rule_that_nobody_can_fulfil_is_refused(rule: str, fulfilled: bool, place: str) -> None:
    reading = read(f"version: 1\n{place % rule}".encode())
    failures = [(p.path.rpartition(".")[2], p.message) for p in reading.problems if p.level == "failure"]
    assert failures == ([] if fulfilled else [("approvals", "only 1 may approve")])


@pytest.mark.parametrize("name", ["on", "off", "yes", "no", "y", "n", "1", "null", "true", "0x1f"])
def test_a_key_is_a_text_whatever_it_looks_like(name: str) -> None:
    reading = read(f"version: 1\nenvironments:\n  {name}: {{}}\n".encode())
    assert reading.problems == ()
    assert model_of(reading) == {"version": 1, "environments": {name: {}}}


@pytest.mark.parametrize(("word", "value"), [("on", True), ("off", False), ("true", True), ("False", False)])
def test_a_switch_is_written_in_either_way(word: str, value: bool) -> None:
    reading = read(f"version: 1\npullRequests: {{comment: {word}}}\n".encode())
    assert reading.model is not None
    assert reading.model.pull_requests.comment is value


@pytest.mark.parametrize("word", ["yes", "no", "On", "'true'", "1", "~", "[]"])
def test_a_switch_is_written_in_no_other_way(word: str) -> None:
    [problem] = read(f"version: 1\npullRequests: {{comment: {word}}}\n".encode()).problems
    assert problem.remedy == "write on or off, without quotes"


def test_the_home_is_known_also_where_the_rest_cannot_be_used() -> None:
    reading = read(b"version: 1\ninstances: {a: {home: on}, b: {}}\nnonsense: 1\n")
    assert (reading.model, reading.home) == (None, "a")
