# SPDX-License-Identifier: Apache-2.0
"""docs/orders.md, the page on orders, written from the registry that the parser reads."""

from __future__ import annotations

from policies.orders.grammar import MOST
from policies.orders.registry import COMMANDS, PREFIX, SERVED, Command, Value
from policies.orders.rules import Rule
from policies.surface.help import guarded, who

_PAGE = """\
# Orders

<!-- Written by `make generate` from policies/orders/registry.py. -->

A person gives an order by a line in a comment, or in a review, of a pull request. `/help` lists the orders
that can be given in that repository as it is configured, and who may.

{table}
{later} are known words for which nothing waits yet; they are answered with that.

## How an order is written

- It is the first thing on its line, and one line. Several in one comment are carried out in their order, at
  most {most}.
- It stands in a paragraph that is part of nothing else: in code, quotes, lists, tables, footnotes, headings,
  links, emphasis, HTML and HTML comments nothing is an order. So nothing that somebody quotes, shows, hides
  or strikes out is one.
- Capital letters do not matter in the word. Arguments are words, or `name=value`; a value with blanks
  stands in double quotes.
- `/{prefix} lock prod` means `/lock prod`, for where another bot owns the word; `/{prefix}` alone means
  `/help`.
- Other words behind a slash belong to other bots and are left alone; a comment that is nothing but a slip
  of the pen, such as `/hlep`, is answered.
- Only a new comment and a submitted review count; a review's comments on lines of the files order nothing. An
  edit is no new order, and an order whose comment was edited before it was read is not carried out. What bots
  write is no order.

| value | is |
|---|---|
{values}

## Who may give it

In this order; the first that does not hold is the reason that is given, with what it takes and who can
help.

1. The repository has a RepositoryBinding (or, with `FAIRWAY_TENANCY=single`, its account is served).
2. The environment is one that its bindings declare.
3. The binding's `verbs` grant the order, in every namespace where it would have an effect. What only
   answers needs no grant.
4. The person has the role in the table on GitHub, read when the order is carried out and by numeric id. The
   author of the pull request may hold without it, and take an own hold back; not in a pull request from a
   fork of a public repository, where an author without the role triage is anybody.
5. Where `.fairway.yaml` on the default branch names users, teams, a role or code owners for the order, or
   for the order in this environment, the person is one of them. With `approvals`, that many of them have
   approved the head in reviews instead. A code owner owns every changed path that has an owner.
   Configuration asks for more than the defaults, never for less. An order that names no environment has to
   satisfy what each environment asks for in whose namespaces it would have an effect.
6. In a protected environment an order that changes what runs names its commit with `sha=`, and is not given
   by the author of the pull request, by whoever wrote or pushed one of its commits, or ordered it; unless
   enough others approved, or `.fairway.yaml` allows self-approval there. Whoever locked an environment may
   unlock it. What only stops, such as `/lock`, takes nothing besides.
7. A commit that is named is the head of the pull request, or what was merged. An order for which one can be
   named, and is not, means the head that there was when it was written: after another push to an open pull
   request it is asked for anew. Of a branch in a fork GitHub does not tell when it was pushed to.

## How it is answered

- 👀 on the comment: it was read. 🚀: everything in it was carried out. 😕: something was not, and the one
  reply to the comment says what, why, and who can help. What shows in the status comment, such as a hold,
  gets no reply besides; it stands there before the 🚀. Where nothing follows the repository there is no
  status comment, and a reply.
- A review takes no reaction of ours, so its orders are always answered by a reply.
- An order that could not be answered, because something was away, is carried out when it is back, decided
  anew by what holds then; after a day it counts no longer, and the reply says so. One that acts, in a review
  that reaches Fairway late, is not carried out: GitHub does not tell whether a review was edited since.
- `/reconcile` and `/retry` set the annotation that `flux reconcile` sets, on the GitRepositories that follow
  the base of the pull request and on their Kustomizations.
- `/rescan` and `/rebase` are answered when what they set off is over, after a minute at the latest; until
  then 👀 is all.
- With several Fairways on one repository, each answers the orders for its environments; the one that is
  `home` in `.fairway.yaml` answers everything else.

## Rollbacks

`/rollback prod` in a merged pull request opens another that puts back the files it changed, as far as the
Kustomizations in the namespaces of prod read them, to what they were before the merge. It works for every
way of merging, and when the base has moved on; a file that was changed again since is a conflict, and is
named. The same order in the rollback's own pull request takes it back. The binding's `spec.write` has to be
`pr` at least.

A person merges it, unless `spec.write` is `merge`, the base requires a check, every commit is Fairway's own
by GitHub's signature, whoever ordered it has the role write, and nothing is locked or held: then Fairway
merges it once GitHub would let anybody with write merge it.

## Pull requests for new images

`/ignore`, `/reject`, `/rescan` and `/rebase` are given in a pull request for new images that Fairway itself
opened, from this repository, for an ImageUpdateAutomation that writes to this repository and stands in a
namespace that the repository is bound to. Anywhere else they are answered with what is missing, and `/help`
does not offer them. The rules of an environment hold for them where the automation is in one of its
namespaces.

- `/ignore` closes the pull request. A closed one is itself the record of what is not proposed any more:
  its version, with `minor` or `major` all that have the same numbers. Whoever wants it back opens the pull
  request again. Once a newer version has taken its branch, GitHub does not let that be done: deleting the
  line that begins with `<!-- fairway:images` from its description takes the record back as well, and the
  automation's next run proposes again what is chosen then. Given in one that is closed, the order makes the
  record wider.
- `/reject` in a merged one opens another that puts back what it changed, for all environments, and writes
  its versions into `.fairway/declined.yaml`, in one commit. It has an effect in every namespace that reads
  what was changed, or may, while it is not known what a Kustomization reads; so in a protected environment
  it names its commit and is not given by who has a part in it; people merge what it opens. In one that is
  open it closes it, as `/ignore` does, whatever the environment, and gives the reason in its answer.
  `/rollback` of images writes its versions down, too; in the pull request of either, it takes them out of
  the file again.
  While that file cannot be read, or added to, neither is carried out: the answer names line and remedy.
- `/rescan` has the ImageRepositories scanned and the ImagePolicies choose again, and says what they choose.
  An ImageRepository in a namespace that the repository is not bound to is not asked.
- `/rebase` has the automation make the branch anew from its base, also one that people pushed to: it is
  Fairway's again then. The answer names their commits and how what was there is fetched again. It counts for
  the head that it was given for, and throws nothing away that was pushed later.

## Locks and holds

A lock stops what Fairway would start in an environment for this repository, a hold what it would start for
this pull request. What a person merges is still applied, and the comment says so. Each is an `Order` in
Fairway's namespace, named by what it stops: of two people who give one at the same time one gets it, and
the other is told who was first. One that cannot be read stands. A hold stands until it is taken back, also
while the pull request is closed: who opens it again finds it held.
"""
_HEAD = "| order | what it does | role | in a protected environment | for example |\n|---|---|---|---|---|"


def orders() -> str:
    """Return docs/orders.md."""
    values = "\n".join(f"| {_NAMES[value]} | {value.value} |" for value in Value)
    return _PAGE.format(
        table="\n".join([_HEAD, *map(_row, SERVED), ""]),
        later=", ".join(f"`/{command.name}`" for command in COMMANDS if not command.served),
        most=MOST,
        prefix=PREFIX,
        values=values,
    )


_NAMES = {
    Value.ENVIRONMENT: "`environment`",
    Value.SHA: "`sha`",
    Value.TEXT: "`reason`",
    Value.SCOPE: "`scope`",
}


def _row(command: Command) -> str:
    examples = ", ".join(f"`{example}`" for example in command.examples)
    cells = [f"`{command.usage}`", command.summary, who(command, Rule()), guarded(command), examples]
    return f"| {' | '.join(cells)} |"
