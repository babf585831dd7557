# SPDX-License-Identifier: Apache-2.0
"""Gather what the text of a pull request for images says."""

from __future__ import annotations

from collections.abc import Mapping

from policies.clock import rfc3339
from policies.images import automerge, content
from policies.images.content import Content, Gates, Rendered, Row
from policies.images.grouping import Group
from policies.images.record import Record
from policies.images.updates import Update
from policies.kinds import ImagePolicy
from policies.kinds.meta import seconds
from policies.reference import Resolved
from policies.repofile.model import Window
from policies.surface import images as texts
from policies.tenancy import Write
from workers.context import Context
from workers.git import committing
from workers.images.facts import Facts
from workers.images.place import Place
from workers.images.pushing import Work
from workers.images.readers import Readers
from workers.images.release_notes import releases
from workers.images.rendering import Renderer
from workers.images.updating import Task


class Describer:
    """Writes title and body; raises FairwayError for what GitHub or the cluster do not tell."""

    def __init__(
        self,
        context: Context,
        task: Task,
        work: Work,
        place: Place,
        base: Resolved,
        facts: Facts,
        readers: Readers,
    ) -> None:
        self._context, self._work, self._place, self._base = context, work, place, base
        self._facts, self._readers = facts, readers
        self._renderer = Renderer(context, work, base)
        self._policies = {f"{task.namespace}:{one['metadata']['name']}": one for one in task.policies}

    def texts(self, group: Group, files: Mapping[str, bytes]) -> tuple[str, str]:
        """Return title and body of a group's pull request, which changes these files."""
        rows = tuple(map(self._row, group.updates))
        rendered, unrendered = self._rendered(files)
        found = Content(
            rows=rows,
            changes=tuple(change for update in group.updates for change in update.changes),
            gates=self._gates(group, files),
            rendered=rendered,
            releases=releases(self._context, self._place, self._facts, group.updates),
            unrendered=unrendered,
        )
        application = group.name if group.by == "application" else ""
        return texts.title(rows, application), texts.body(found, self._record(group))

    def _record(self, group: Group) -> Record:
        state = committing.state_of(self._work.remote.mirror, self._base.sha, group.paths)
        return Record.of(group, self._base.sha, state)

    def _row(self, update: Update) -> Row:
        known = self._facts.of(update.policy, update.image)
        since = self._facts.since(update.policy, update.image)
        return Row(
            image=update.image.name,
            old=content.old_versions(update),
            new=update.image.tag,
            made=rfc3339(since) if since else "",
            digest=update.image.digest or known.digest,
            policy=update.policy.replace(":", "/", 1),
            rule=content.rule(ImagePolicy.read(self._policies[update.policy])),
        )

    def _rendered(self, files: Mapping[str, bytes]) -> tuple[tuple[Rendered, ...], str]:
        """Return what Kustomizations make of it, and why that is nothing at all."""
        found = self._readers.of(files)
        if not found:
            return (), "no Kustomization here reads these files"
        return self._renderer.rendered(found, files), ""

    def _gates(self, group: Group, files: Mapping[str, bytes]) -> Gates:
        settings = self._place.settings
        return Gates(
            minimum_age=settings.minimum_age if seconds(settings.minimum_age) else "",
            windows=tuple(map(_window, settings.schedule)),
            people_merge=self._people_merge(group),
            step=group.step,
            environments=tuple(self._readers.environments(files)),
        )

    def _people_merge(self, group: Group) -> str:
        """Say why no rule merges it, as things are now; empty when one does."""
        rules, place = self._place.settings.auto_merge, self._place
        if not automerge.decide(group, rules).merges:
            return automerge.unruled(group.step, rules) or "not all of its updates are covered by a rule"
        if place.write < Write.MERGE:
            return "the binding does not let Fairway merge"
        if not place.github.repositories.required_checks(place.repository, self._work.to.branch):
            return "its base requires no check"
        return ""


def _window(window: Window) -> str:
    days = ", ".join(window.days) or "every day"
    return f"{days} {window.from_} to {window.to} {window.time_zone}"
