# SPDX-License-Identifier: Apache-2.0
"""The page of the documentation on `.fairway.yaml`: its table of keys is written from the schema."""

from __future__ import annotations

from policies.repofile.reference import table

_PAGE = """\
# `.fairway.yaml`

<!-- Written by `make generate` from app/repository_page.py and policies/repofile. -->

A repository says in this file, at its top, who may give which order, what its environments ask for, and what
Fairway shows. The file of the default branch counts, never that of a pull request. Without the file,
everything is as the administrator's RepositoryBinding has it.

```yaml
# yaml-language-server: $schema=./fairway.schema.json
version: 1
environments:
  prod:
    protected: on
    teams: [acme/release]
    approvals: 1
orders:
  lock: {roles: [maintain], users: [alice]}
  rollback:
    environments:
      prod: {teams: [acme/release, acme/on-call]}
  hold: off
pullRequests:
  deployments: off
```

`fairway validate` checks it on your machine, and a pull request that changes it gets a check with the same
words at the lines they are about. `fairway validate --schema` prints the JSON schema, also at
[fairway.schema.json](fairway.schema.json), by which editors complete it.

## It narrows, and never widens

- What the binding does not grant, the file cannot give: an environment that the binding does not have, a
  namespace outside of it, a team of another organization, protection switched off. Each is named by the check
  and has no effect.
- An order needs the role it always needs: write where it changes something, read where it only answers.
  Who is named under `orders` needs it too; who is not named is kept out. Where nobody is named, the role is
  enough.
- **A file with a failure lets no order through** that changes anything, since what it wanted to forbid cannot
  be known. What people merge is applied all the same, so a mended file can always be merged.
- With `FAIRWAY_TENANCY=single` everything is granted: there the file also declares environments that no
  binding has, each with its namespaces.

## Who decides

`roles`, `users`, `teams` and `codeowners` add up: a person has to be among one of them. A role stands for
itself and all above it. Without `approvals`, one of these people gives the order. With `approvals`, so many
of them have approved the head of the pull request, and whoever has the right anyway gives the order.

```yaml
version: 1
environments:
  qa: {codeowners: on}
orders:
  promote:
    roles: [maintain]
    environments:
      prod: {teams: [acme/release], approvals: 1}  # one of acme/release approves, anybody with write orders
      qa: {users: [alice, bob]}                    # alice or bob orders
  rollback:
    environments:
      prod: off
```

For an order into an environment one rule counts, as a whole: the one at `orders.ORDER.environments`; else,
for `promote`, `rollback` and `reject`, the one at `environments`; else the one at `orders.ORDER`. On a
protected environment nobody who wrote, pushed or ordered the change counts, whatever the rule.

## Several clusters

One Fairway serves one cluster. Where several serve a repository, `instances` names them by their
`FAIRWAY_CLUSTER` and says which environments each has. One is `home`: it answers `/help`, `/status` and
mistakes.

```yaml
version: 1
instances:
  prod-eu: {home: on, environments: [prod]}
  staging: {environments: [staging, qa]}
```

## How it is read

As YAML 1.2, in UTF-8, at most 64 KiB. A switch is `on` or `off`, also `true` or `false`, without quotes;
`yes` and `no` are texts. A key is a text whatever it looks like: `on` may be the name of an environment.
Aliases, tags and a second document are refused, and so is a key that is not in this table or stands twice.

{table}"""


def repository() -> str:
    """Return docs/repository.md."""
    return _PAGE.replace("{table}", table())
