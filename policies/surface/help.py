# SPDX-License-Identifier: Apache-2.0
"""The answer to /help: the orders that can be given in this repository as it is configured, and by whom."""

from __future__ import annotations

from collections.abc import Iterator

from policies.orders.registry import PREFIX, SERVED, Command, Guard
from policies.orders.rules import Rule, Rules
from policies.surface.markdown import code
from policies.surface.refusals import people
from policies.surface.words import listed
from policies.tenancy import Environment, Tenant

HEAD = "| order | what it does | takes the role |\n|---|---|---|"
_SPECIAL_HEAD = "| in | order | takes besides |\n|---|---|---|"
_HOW = (
    "An order is the first thing on its line; several in one comment are carried out in their order."
    f" Where another bot owns a word, {code(f'/{PREFIX} help')} works, and so does every other order."
    " In code, quotes, lists, tables, headings and links nothing is an order."
)


def orders(tenant: Tenant, rules: Rules, *, images: bool) -> str:
    """Answer /help in a repository: what its binding grants, by its configuration.

    `images` says whether it was asked in a pull request for new images.
    """
    commands = [command for command in SERVED if (images or not command.images) and _granted(command, tenant)]
    rows = [row(command, who(command, rules.rule(command.name, ""))) for command in commands]
    environments = [found for name in tenant.environment_names if (found := tenant.environment(name))]
    special = [line for one in environments for line in _special(one, commands, rules)]
    parts = ["### Orders", "\n".join([HEAD, *rows])]
    parts += ["\n".join([_SPECIAL_HEAD, *special])] if special else []
    return "\n\n".join([*parts, _HOW])


def row(command: Command, who_may: str) -> str:
    """Write an order as a row of the table."""
    return f"| {code(command.usage)} | {command.summary} | {who_may} |"


def who(command: Command, rule: Rule) -> str:
    """Say who may give an order: the least role, and what the configuration asks for besides."""
    needed = f"{command.role.word}, or the author" if command.author else command.role.word
    asked = _asked(rule)
    return f"{needed}; {asked}" if asked else needed


def guarded(command: Command, *, self_approval: bool = False) -> str:
    """Say what an order into a protected environment takes besides; empty when nothing."""
    person = "" if self_approval else "somebody who has no part in the change"
    match command.guard:
        case Guard.NONE:
            return ""
        case Guard.SECOND_PERSON:
            return person
        case Guard.PINNED:
            return listed([*filter(None, ["`sha=`", person])], "and")


def _asked(rule: Rule) -> str:
    if rule.off:
        return "nobody, it is switched off"
    if rule.approvals:
        by = f" by {people(rule)}" if rule.names_people else ""
        return f"{rule.approvals} {'approval' if rule.approvals == 1 else 'approvals'} of the head{by}"
    return f"only {people(rule)}" if rule.names_people else ""


def _special(environment: Environment, commands: list[Command], rules: Rules) -> Iterator[str]:
    """Write a row for each order that takes something else in an environment."""
    where = code(environment.name) + (" (protected)" if environment.protected else "")
    for command in commands:
        rule = rules.rule(command.name, environment.name)
        own = (command.name, environment.name) in rules.environments
        takes = [guarded(command, self_approval=rule.self_approval)] if environment.protected else []
        takes += [_asked(rule)] if own else []
        if (command.takes_environment or command.guard is not Guard.NONE) and any(takes):
            yield f"| {where} | {code(f'/{command.name}')} | {'; '.join(filter(None, takes))} |"


def _granted(command: Command, tenant: Tenant) -> bool:
    return not command.acts or any(grant.allows(command.name) for grant in tenant.grants)
