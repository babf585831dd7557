# SPDX-License-Identifier: Apache-2.0
"""Everything that is said of orders and pull requests; each string of somebody else goes through a function.

The identity gives the text as people see it; another function can put something hostile into each place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from policies.commit_status import State, Verdict
from policies.images.declined import Declined, Scope
from policies.images.rescans import Look
from policies.images.whose import Stranger, Why
from policies.kinds import RepositoryBinding
from policies.objects import ObjectRef
from policies.orders import mistakes as wrong
from policies.orders.grammar import Mistake, NearMiss
from policies.orders.locks import Claim, Hold, Lock, Standing
from policies.orders.people import Person, Role
from policies.orders.registry import Command, find
from policies.orders.rules import Rule, Rules
from policies.pull_request import Content, Fate, Mark, Outcome, Row, Runs, Undone
from policies.pull_request.content import Coming
from policies.rollback import Restored
from policies.surface import help as help_text
from policies.surface import (
    image_orders,
    locks,
    mistakes,
    orders,
    pull_request,
    reconciling,
    refusals,
    rollback,
    rows,
    status,
)
from policies.surface.refusals import Refused
from policies.tenancy import Tenant, tenant
from tests.policies.surface.said_images import PLAIN_IMAGES, SAID_IMAGES

Through = Callable[[str], str]
AT, LATER = "2026-11-28T11:00:00Z", "2026-11-28T18:30:00Z"
PAGE = "https://fairway.example/acme/fleet/commit/a1b2c3d"
PULL = "https://github.example/acme/fleet/pull/41"
HEAD, OTHER = "a1b2c3d" + "0" * 33, "b7d0e11" + "1" * 33


def command(name: str) -> Command:
    found = find(name)
    assert found is not None
    return found


LOCK = command("lock")


def person(t: Through, role: Role = Role.READ) -> Person:
    return Person(11, t("bob"), role)


def claim(t: Through, *, until: str = "", reason: bool = True) -> Claim:
    why = t("incident 42") if reason else ""
    return Claim("lock-7-prod", 11, t("alice") or "x", AT, why, until, 41, ("comment", 99, 1))


def lock(t: Through, **more: bool | str) -> Lock:
    return Lock(7, t("prod"), claim(t, **more))  # type: ignore[arg-type]


def hold(t: Through, **more: bool | str) -> Hold:
    return Hold(7, 41, claim(t, **more))  # type: ignore[arg-type]


def rule(t: Through, **more: int | bool) -> Rule:
    return Rule(users=frozenset({t("carol")}), teams=frozenset({t("acme/release")}), **more)  # type: ignore[arg-type]


def mistake(line: str, problem: wrong.Problem) -> str:
    return mistakes.mistake(Mistake(problem, 1, line))


def bound(**spec: object) -> Tenant:
    binding = {
        "metadata": {"name": "x"},
        "spec": {
            "repository": {"owner": "acme", "name": "fleet", "id": 7},
            "namespaces": ["apps", "infra"],
            "environments": [
                {"name": "prod", "namespaces": ["apps"], "protected": True},
                {"name": "staging"},
            ],
            **spec,
        },
    }
    read = RepositoryBinding.read(binding)
    return tenant("acme", 7, served=True, tenancy="strict", bindings=[read])


def help_of_much(t: Through) -> str:
    rules = Rules(
        {"reconcile": rule(t), "hold": Rule(role=Role.MAINTAIN)},
        {
            ("rollback", "prod"): rule(t, approvals=2, code_owners=True),
            ("unlock", "prod"): Rule(self_approval=True),
            ("lock", "staging"): Rule(role=Role.ADMIN),
        },
    )
    return help_text.orders(bound(), rules, images=True)


def refused(refusal: Refused, order: str = "/rollback prod") -> str:
    return orders.refused(order, refusal)


def standing(t: Through) -> Standing:
    unreadable = Lock(7, "staging", Claim("lock-7-staging"))
    return Standing((lock(t, until=LATER), unreadable), (hold(t, reason=False),))


def row(t: Through, mark: Mark, state: str, *, name: str = "web", message: str = "") -> Row:
    ref = ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", t("apps"), t(name))
    # In two lines, so that it is longer than its row whatever stands in it.
    return Row(mark, ref, t(state), AT, f"{t(message)}\nThat is all." if message else "")


def runs(t: Through, mark: Mark, state: str, name: str = "web") -> Runs:
    ref = ObjectRef("apps", "v1", "Deployment", t("apps"), t(name))
    return Runs(t("ghcr.io/acme/web:6.9.1"), ref, t("web"), t("prod, dev"), mark, t(state))


def content(t: Through, state: State, *rows: Row, fate: Fate = Fate.ITSELF, **more: object) -> Content:
    outcome = Outcome(fate, HEAD if fate is Fate.ITSELF else OTHER, Verdict(state, t("it is so")))
    found = Content(
        t("prod-eu"),
        HEAD,
        outcome,
        rows,
        total=len(rows),
        done=sum(one.mark is Mark.DONE for one in rows),
    )
    return replace(found, **more)  # type: ignore[arg-type]


def healthy(t: Through, **more: object) -> Content:
    rows = (row(t, Mark.DONE, "applied a1b2c3d, healthy"),)
    return content(t, State.SUCCESS, *rows, **{"orders": (f"/rollback {t('prod')}",), **more})  # type: ignore[arg-type]


def moving(t: Through) -> Content:
    rows = (
        row(t, Mark.WAITS, "applied a1b2c3d, waits for Deployment apps/api (2 of 3 ready)", name="api"),
        row(t, Mark.WAITS, "waits: dependency 'apps/api' is not ready", name="web"),
        row(t, Mark.PAUSED, "suspended, so nothing is applied", name="old"),
        row(t, Mark.DONE, "applied a1b2c3d, healthy", name="configs"),
    )
    coming = (Coming(rows[0].ref, "counts as failed unless it is healthy by", LATER),)
    return content(t, State.PENDING, *rows, coming=coming, orders=("/reconcile",))


def broken(t: Through) -> Content:
    message = "ConfigMap/apps/x dry-run failed (Invalid, apps/x.yaml): spec.replicas: must be an integer"
    rows = (
        row(t, Mark.FAILED, message, message=message),
        row(t, Mark.DONE, "applied a1b2c3d, healthy", name="configs"),
    )
    return content(
        t,
        State.FAILURE,
        *rows,
        coming=(Coming(rows[0].ref, "is tried again every", seconds=120),),
        drift=(row(t, Mark.WAITS, "Deployment/apps/web changed"),),
        stopped=(lock(t), hold(t)),
        orders=("/retry", f"/rollback {t('prod')}"),
        missing=(("deployments: write", "deployments"),),
    )


def seen(comment: str) -> str:
    """Return what people see of a comment."""
    return comment.rpartition("\n<!-- fairway-state:")[0]


def restored(t: Through) -> list[Restored]:
    old, new = ("100644", "1" * 40), ("100644", "2" * 40)
    return [
        Restored(t("prod/web.yaml"), old, new),
        Restored(t("prod/new.yaml"), None, new),
        Restored(t("prod/gone.yaml"), old, None),
    ]


def declined(t: Through, version: str = "6.9.1", scope: Scope = "version", image: str = "web") -> Declined:
    # Not held to what a file may say, as little as the record of a pull request is.
    return Declined.model_construct(image=t(f"ghcr.io/acme/{image}"), version=version, scope=scope)


def stranger(t: Through, why: Why) -> str:
    return image_orders.not_here(t("/ignore"), Stranger(why, (t("apps"), t("web"))))


def look(t: Through, seen: str, found: str = "", *, of: str = "ImageRepository/apps/web") -> Look:
    return Look(t("apps:web"), seen, t(of), t("ghcr.io/acme/web:6.9.1"), t(found) if found else "")  # type: ignore[arg-type]


WEB = ObjectRef("apps", "v1", "Deployment", "apps", "web")
SOURCE = ObjectRef("source.toolkit.fluxcd.io", "v1", "GitRepository", "apps", "fleet")
APP = ObjectRef("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "apps", "web")

# fmt: off
# What is no Markdown where it is shown, or is escaped by whoever puts it into some.
PLAIN: dict[str, str] = {
    **PLAIN_IMAGES,
    "status.nothing_yet": status.nothing_yet(),
    "status.healthy": status.healthy("a1b2c3d"),
    "status.timed": status.timed(status.healthy("a1b2c3d"), 0.04),
    "status.timed.seconds": status.timed(status.healthy("a1b2c3d"), 119.4),
    "status.timed.minutes": status.timed(status.healthy("a1b2c3d"), 150.0),
    "status.nothing_applies": status.nothing_applies("a1b2c3d"),
    "status.waits_for_source": status.waits_for_source(SOURCE, "a1b2c3d"),
    "status.waits_for": status.waits_for(APP),
    "status.waits_for_others": status.waits_for_others(APP, "dependency 'apps/api' is not ready"),
    "status.being_applied": status.being_applied(APP),
    "status.concludes": status.concludes(APP, "a1b2c3d"),
    "status.waits_for_health": status.waits_for_health("a1b2c3d", WEB, "2 of 3 ready", 0),
    "status.waits_for_health.more": status.waits_for_health("a1b2c3d", WEB, "2 of 3 ready", 4),
    "status.not_in_time": status.not_in_time(WEB, "2 of 3 ready", 0),
    "status.failed": status.failed(WEB, "ImagePullBackOff for ghcr.io/acme/web:broken"),
    "status.overtaken": status.overtaken("b7d0e11"),
    "status.overtaken_by_failure": status.overtaken_by_failure(
        "b7d0e11", status.not_in_time(WEB, "2 of 3 ready", 0)),
    "status.replaced": status.replaced("b7d0e11"),
    "status.waits_for_history": status.waits_for_history("3f2a91c", "b7d0e11"),
    "status.never_known": status.never_known("3f2a91c", "b7d0e11"),
    "status.deployed": status.deployed("prod-eu"),
    "rows.suspended": rows.suspended(),
    "rows.source_suspended": rows.source_suspended("a1b2c3d"),
    "rows.not_fetched": rows.not_fetched("a1b2c3d"),
    "rows.not_applied": rows.not_applied("a1b2c3d"),
    "rows.healthy": rows.healthy("a1b2c3d"),
    "rows.partly_healthy": rows.partly_healthy("a1b2c3d", 3, 5),
    "rows.not_healthy": rows.not_healthy(),
    "rows.failed": rows.failed(),
    "rows.fetched_again": rows.fetched_again(),
    "rows.fails_at": rows.fails_at(),
    "rows.tried_again": rows.tried_again(),
}

SAID: dict[str, Callable[[Through], str]] = {
    "help.orders": lambda t: help_text.orders(bound(), Rules(), images=False),
    "help.orders.images": lambda t: help_text.orders(bound(), Rules(), images=True),
    "help.orders.configured": help_of_much,
    "help.orders.narrow": lambda t: help_text.orders(
        bound(verbs=["hold"], environments=[]), Rules(), images=True),
    "mistakes.mistake.unknown_order": lambda t: mistake(
        t("/fairway deploy prod"), wrong.UnknownOrder(t("deploy"), "")),
    "mistakes.mistake.unknown_order_near": lambda t: mistake(
        t("/fairway lokc prod"), wrong.UnknownOrder(t("lokc"), "lock")),
    "mistakes.mistake.unclosed_quote": lambda t: mistake(
        t('/lock prod reason="incident'), wrong.UnclosedQuote(LOCK)),
    "mistakes.mistake.unknown_argument": lambda t: mistake(
        t("/lock prod colour=red"), wrong.UnknownArgument(LOCK, t("colour"), "")),
    "mistakes.mistake.unknown_argument_near": lambda t: mistake(
        t("/lock prod reson=x"), wrong.UnknownArgument(LOCK, t("reson"), "reason")),
    "mistakes.mistake.missing_argument": lambda t: mistake(
        t("/lock"), wrong.MissingArgument(LOCK, LOCK.arguments[0])),
    "mistakes.mistake.repeated_argument": lambda t: mistake(
        t("/lock prod environment=dev"), wrong.RepeatedArgument(LOCK, LOCK.arguments[0])),
    "mistakes.mistake.bad_environment": lambda t: mistake(
        t("/lock Prod!"), wrong.BadValue(LOCK, LOCK.arguments[0], t("Prod!"))),
    "mistakes.mistake.bad_sha": lambda t: mistake(
        t("/retry sha=abc"), wrong.BadValue(command("retry"), command("retry").arguments[0], t("abc"))),
    "mistakes.mistake.bad_text": lambda t: mistake(
        t("/lock prod reason="), wrong.BadValue(LOCK, LOCK.arguments[1], "")),
    "mistakes.mistake.too_many_arguments": lambda t: mistake(
        t("/lock prod staging"), wrong.TooManyArguments(LOCK, t("staging"))),
    "mistakes.near_miss": lambda t: mistakes.near_miss(NearMiss(t("hlep"), "help", 1)),
    "mistakes.left_out": lambda t: mistakes.left_out(12),
    "mistakes.left_out.one": lambda t: mistakes.left_out(1),
    "refusals.not_bound": lambda t: refused(refusals.not_bound(
        t("no RepositoryBinding names repository 7 of acme"), t("create one with spec.repository.id 7"))),
    "refusals.verb_not_bound": lambda t: refused(refusals.verb_not_bound(t("rollback"), "")),
    "refusals.verb_not_bound.namespace": lambda t: refused(
        refusals.verb_not_bound(t("rollback"), t("infra") or "x")),
    "refusals.no_such_environment": lambda t: refused(
        refusals.no_such_environment(t("prd"), [t("dev"), t("prod")]), t("/lock prd")),
    "refusals.no_such_environment.none": lambda t: refused(
        refusals.no_such_environment(t("prd"), []), t("/lock prd")),
    "refusals.role_too_low": lambda t: refused(
        refusals.role_too_low(person(t), Role.WRITE, or_author=False), "/reconcile"),
    "refusals.role_too_low.author": lambda t: refused(
        refusals.role_too_low(person(t, Role.NONE), Role.WRITE, or_author=True), "/hold"),
    "refusals.not_by_a_stranger": lambda t: refused(
        refusals.not_by_a_stranger(person(t), Role.WRITE), "/hold"),
    "refusals.held_by_somebody_else": lambda t: refused(
        refusals.held_by_somebody_else(person(t), Role.WRITE), "/unhold"),
    "refusals.not_named": lambda t: refused(
        refusals.not_named(person(t, Role.WRITE), rule(t, code_owners=True), t("prod") or "x")),
    "refusals.not_named.many": lambda t: refused(refusals.not_named(
        person(t, Role.WRITE), Rule(users=frozenset(f"user-{n:02}" for n in range(20))), "")),
    "refusals.not_named.anywhere": lambda t: refused(
        refusals.not_named(person(t, Role.WRITE), Rule(role=Role.ADMIN), ""), "/reconcile"),
    "refusals.switched_off": lambda t: refused(refusals.switched_off("hold", ""), "/hold"),
    "refusals.switched_off.environment": lambda t: refused(
        refusals.switched_off("rollback", t("prod") or "x")),
    "refusals.configuration_unreadable": lambda t: refused(
        refusals.configuration_unreadable(t("line 3: orders.promot: there is no such order") or "x")),
    "refusals.approvals_missing": lambda t: refused(
        refusals.approvals_missing(rule(t, approvals=1), t("prod") or "x", 0)),
    "refusals.approvals_missing.some": lambda t: refused(
        refusals.approvals_missing(Rule(approvals=2, self_approval=True), t("prod") or "x", 1)),
    "refusals.sha_missing": lambda t: refused(refusals.sha_missing("/rollback prod", t("prod"), HEAD)),
    "refusals.has_a_part": lambda t: refused(
        refusals.has_a_part(person(t, Role.WRITE), "is the author of this pull request", t("prod"), Rule())),
    "refusals.has_a_part.rule": lambda t: refused(
        refusals.has_a_part(person(t, Role.WRITE), "ordered this pull request", t("prod"), rule(t))),
    "refusals.head_moved": lambda t: refused(
        refusals.head_moved(OTHER, HEAD), t("/rollback prod sha=b7d0e11")),
    "locks.locked": lambda t: locks.locked(lock(t)),
    "locks.locked.until": lambda t: locks.locked(lock(t, until=LATER)),
    "locks.already_locked": lambda t: locks.already_locked(lock(t)),
    "locks.already_locked.unreadable": lambda t: locks.already_locked(
        Lock(7, t("prod"), Claim("lock-7-prod"))),
    "locks.unlocked": lambda t: locks.unlocked(lock(t, reason=False)),
    "locks.not_locked": lambda t: locks.not_locked(t("prod")),
    "locks.held": lambda t: locks.held(hold(t)),
    "locks.already_held": lambda t: locks.already_held(hold(t)),
    "locks.unheld": lambda t: locks.unheld(hold(t)),
    "locks.not_held": lambda t: locks.not_held(),
    "locks.stopped": lambda t: locks.stopped(lock(t)),
    "locks.stopped.hold": lambda t: locks.stopped(hold(t)),
    "locks.applied_all_the_same": lambda t: locks.applied_all_the_same(lock(t)),
    "locks.applied_all_the_same.hold": lambda t: locks.applied_all_the_same(hold(t)),
    "locks.table": lambda t: locks.table(standing(t)),
    "locks.table.long": lambda t: locks.table(Standing(holds=tuple(hold(t) for _ in range(53)))),
    "locks.table.nothing": lambda t: locks.table(Standing()),
    "reconciling.asked": lambda t: reconciling.asked(
        [t("GitRepository/apps/fleet"), t("Kustomization/apps/web")]),
    "reconciling.asked.many": lambda t: reconciling.asked([t(f"Kustomization/apps/{n}") for n in range(11)]),
    "reconciling.again": lambda t: reconciling.again([t("Kustomization/apps/web")]),
    "reconciling.nothing_follows": lambda t: orders.nothing_to_do(
        "/reconcile", reconciling.nothing_follows(t("main"), "")),
    "reconciling.nothing_follows.environment": lambda t: orders.nothing_to_do(
        "/reconcile prod", reconciling.nothing_follows(t("main"), t("prod") or "x")),
    "reconciling.nothing_failed": lambda t: orders.nothing_to_do("/retry", reconciling.nothing_failed()),
    "rollback.title": lambda t: rollback.title("prod", 41),
    "rollback.body": lambda t: rollback.body(
        t("prod"), (41, PULL), (OTHER, HEAD), [*restored(t)], {t("prod/new.yaml"): [t("staging"), t("dev")]},
        actor=t("alice"), reason=t("errors at checkout") or "x"),
    "rollback.body.alone": lambda t: rollback.body(
        t("prod"), (41, PULL), (OTHER, HEAD), restored(t)[:1], {}, actor=t("alice"), reason=""),
    "rollback.body.large": lambda t: rollback.body(
        t("prod"), (41, PULL), (OTHER, HEAD), restored(t) * 20,
        {f"{n:03}{t('x')}": ["staging"] for n in range(60)}, actor=t("alice"), reason=""),
    "rollback.opened": lambda t: rollback.opened(42, PULL, t("prod"), 3, merged_by_us=False),
    "rollback.opened.merged_by_us": lambda t: rollback.opened(42, PULL, t("prod"), 1, merged_by_us=True),
    "rollback.already_open": lambda t: rollback.already_open(42, PULL, t("prod")),
    "rollback.nothing_to_put_back": lambda t: orders.nothing_to_do(
        "/rollback prod", rollback.nothing_to_put_back(t("prod"))),
    "rollback.not_merged": lambda t: refused(rollback.not_merged()),
    "rollback.not_writable": lambda t: refused(rollback.not_writable(t("prod"))),
    "rollback.conflict": lambda t: refused(rollback.conflict([t("prod/web.yaml")])),
    "rollback.conflict.many": lambda t: refused(rollback.conflict([t(f"prod/{n}.yaml") for n in range(9)])),
    "rollback.unknown_history": lambda t: refused(rollback.unknown_history()),
    "rollback.body.images": lambda t: rollback.body(
        t("prod"), (41, PULL), (OTHER, HEAD), restored(t)[:1], {}, [declined(t), declined(t, image="api")],
        actor=t("alice"), reason=""),
    "rollback.body.wanted_again": lambda t: rollback.body(
        t("prod"), (41, PULL), (OTHER, HEAD), restored(t)[:1], {}, [], [declined(t)],
        actor=t("alice"), reason=""),
    "rollback.already_open.everywhere": lambda t: rollback.already_open(42, PULL, ""),
    "rollback.not_writable.everywhere": lambda t: refused(rollback.not_writable(""), "/reject"),
    "rollback.declined_unusable": lambda t: refused(rollback.declined_unusable(
        t(".fairway/declined.yaml, line 3: declined[0].version: it is missing") or "x",
        t("mend it and order again") or "x")),
    "rollback.rejection_title": lambda t: rollback.rejection_title(41),
    "rollback.rejection": lambda t: rollback.rejection(
        (41, PULL), (OTHER, HEAD), restored(t), [declined(t)], actor=t("alice"),
        reason=t("loses sessions") or "x"),
    "rollback.rejection.back_already": lambda t: rollback.rejection(
        (41, PULL), (OTHER, HEAD), [], [declined(t, image=f"web-{n}") for n in range(8)],
        actor=t("alice"), reason=""),
    "rollback.rejected": lambda t: rollback.rejected(42, PULL, 2, [declined(t)]),
    "rollback.rejected.back_already": lambda t: rollback.rejected(
        42, PULL, 0, [declined(t), declined(t, image="api")]),
    "rollback.nothing_to_reject": lambda t: orders.nothing_to_do("/reject", rollback.nothing_to_reject()),
    "image_orders.not_here.branch": lambda t: stranger(t, "branch"),
    "image_orders.not_here.author": lambda t: stranger(t, "author"),
    "image_orders.not_here.fork": lambda t: stranger(t, "fork"),
    "image_orders.not_here.namespace": lambda t: stranger(t, "namespace"),
    "image_orders.not_here.record": lambda t: stranger(t, "record"),
    "image_orders.not_here.automation": lambda t: stranger(t, "automation"),
    "image_orders.not_here.elsewhere": lambda t: stranger(t, "elsewhere"),
    "image_orders.ignored": lambda t: image_orders.ignored([declined(t)], "version"),
    "image_orders.ignored.minor": lambda t: image_orders.ignored(
        [declined(t, scope="minor"), declined(t, "latest", image="api")], "minor"),
    "image_orders.ignored.major": lambda t: image_orders.ignored(
        [declined(t, scope="major", image=f"web-{n}") for n in range(10)], "major"),
    "image_orders.ignored.reason": lambda t: image_orders.ignored(
        [declined(t)], "version", t("loses sessions") or "x"),
    "image_orders.merged": lambda t: refused(image_orders.merged(), "/ignore"),
    "image_orders.not_open": lambda t: refused(image_orders.not_open(merged=False), "/rescan"),
    "image_orders.not_open.merged": lambda t: refused(image_orders.not_open(merged=True), "/rescan"),
    "image_orders.scanned": lambda t: image_orders.scanned([
        look(t, "newer", "ghcr.io/acme/web:6.9.2"),
        look(t, "same"),
        look(t, "failed", "scan failed: GET https://ghcr.io/v2/: 401"),
        look(t, "suspended"),
        look(t, "missing", of="ImagePolicy/apps/web"),
        look(t, "foreign", of="ImageRepository/others/web"),
        look(t, "waits"),
    ]),
    "image_orders.scanned.nothing_newer": lambda t: image_orders.scanned([look(t, "same")]),
    "image_orders.scanned.nothing_newer.many": lambda t: image_orders.scanned([look(t, "same")] * 12),
    "image_orders.scanned.many": lambda t: image_orders.scanned([look(t, "waits")] * 12),
    "image_orders.suspended": lambda t: refused(
        image_orders.suspended(t("ImageUpdateAutomation/apps/web")), "/rebase"),
    "image_orders.lost": lambda t: image_orders.lost(HEAD, []),
    "image_orders.lost.commits": lambda t: image_orders.lost(
        HEAD, [(OTHER, t("Try it with more memory")), (HEAD, t("Fix"))]),
    "image_orders.lost.many": lambda t: image_orders.lost(HEAD, [(OTHER, t("Try"))] * 7),
    "image_orders.rebased": lambda t: image_orders.rebased(OTHER, image_orders.lost(HEAD, [])),
    "image_orders.nothing_to_rebase": lambda t: image_orders.nothing_to_rebase(t("/rebase")),
    "image_orders.rebase_waits": lambda t: image_orders.rebase_waits(
        t("ImageUpdateAutomation/apps/web"), t("failed to checkout source: timeout") or "x",
        image_orders.lost(HEAD, [])),
    "image_orders.rebase_waits.silent": lambda t: image_orders.rebase_waits(
        t("ImageUpdateAutomation/apps/web"), "", image_orders.lost(HEAD, [])),
    "pull_request.comment.rejected": lambda t: seen(pull_request.comment(replace(healthy(t), undone=(
        Undone("", 44, "https://github.com/acme/fleet/pull/44"),
        Undone(t("prod"), 43, "https://github.com/acme/fleet/pull/43"),
    )), AT, PAGE)),
    "orders.refused": lambda t: orders.refused(t("/x"), Refused("it takes more", "somebody can help")),
    "orders.nothing_waits": lambda t: orders.nothing_waits(t("/promote prod")),
    "orders.nothing_to_do": lambda t: orders.nothing_to_do(
        t("/retry"), t("nothing failed in this pull request")),
    "orders.edited": lambda t: orders.edited(t("/lock prod") or "x"),
    "orders.edited.away": lambda t: orders.edited(""),
    "orders.read_late": lambda t: orders.read_late(t("/lock prod")),
    "orders.carried_out": lambda t: orders.carried_out(t("/status")),
    "orders.head_moved_meanwhile": lambda t: orders.head_moved_meanwhile(t("/reconcile"), OTHER, HEAD),
    "orders.expired": lambda t: orders.expired(t("/rollback prod"), LATER),
    "orders.failed": lambda t: orders.failed(t("/rollback prod"), t("GitHub answered 502 to POST pulls")),
    "orders.failed.remedy": lambda t: orders.failed(
        t("/rollback prod"), t("the App may not write contents"), t("accept its new permissions")),
    "orders.too_long": lambda t: orders.too_long(),
    "orders.no_status_comment": lambda t: orders.no_status_comment(t("/status"), t("prod-eu")),
    "orders.you_can": lambda t: orders.you_can([t("/hold"), t('/lock prod reason="…"')]),
    "orders.footer": lambda t: orders.footer(AT, "https://fairway.example/acme/fleet/commit/a1b2c3d"),
    "orders.footer.alone": lambda t: orders.footer(AT),
    "pull_request.comment": lambda t: seen(pull_request.comment(healthy(t), AT, PAGE)),
    "pull_request.comment.moving": lambda t: seen(pull_request.comment(moving(t), AT, PAGE)),
    "pull_request.comment.broken": lambda t: seen(pull_request.comment(broken(t), AT)),
    "pull_request.comment.overtaken": lambda t: seen(
        pull_request.comment(healthy(t, fate=Fate.OVERTAKEN), AT)),
    "pull_request.comment.replaced": lambda t: seen(
        pull_request.comment(content(t, State.FAILURE, fate=Fate.REPLACED), AT)),
    "pull_request.comment.nothing": lambda t: seen(
        pull_request.comment(content(t, State.SUCCESS), AT)),
    "pull_request.comment.rolled_back": lambda t: seen(pull_request.comment(replace(healthy(t), undone=(
        Undone(t("staging"), 42, "https://github.com/acme/fleet/pull/42"),
        Undone(t("prod"), 43, "https://github.com/acme/fleet/pull/43"),
    )), AT, PAGE)),
    "pull_request.comment.images": lambda t: seen(pull_request.comment(replace(healthy(t), images=(
        runs(t, Mark.DONE, "healthy"), runs(t, Mark.WAITS, "still 6.9.0", "api"))), AT, PAGE)),
    "pull_request.comment.long": lambda t: seen(pull_request.comment(
        content(t, State.FAILURE, *(row(t, Mark.FAILED, "refused", name=f"web-{n}", message="why " * 900)
                                    for n in range(50)), total=4000, left_out=3950), AT)),
    "pull_request.unmerged.lacking": lambda t: seen(pull_request.unmerged(
        41, is_open=True, missing={"checks: write": "check runs"}, updated=AT)),
    "pull_request.unmerged": lambda t: seen(pull_request.unmerged(41, is_open=True, hold=None, updated=AT)),
    "pull_request.unmerged.held": lambda t: seen(
        pull_request.unmerged(41, is_open=True, hold=hold(t), updated=AT)),
    "pull_request.unmerged.closed": lambda t: seen(
        pull_request.unmerged(41, is_open=False, hold=hold(t), updated=AT)),
    "pull_request.unfollowed": lambda t: seen(pull_request.unfollowed(t("release-1.2"), t("prod-eu"), AT)),
    "pull_request.report": lambda t: pull_request.report(broken(t)),
    "pull_request.lacking": lambda t: pull_request.lacking("checks: write", "check runs"),
    **SAID_IMAGES,
}
# fmt: on
