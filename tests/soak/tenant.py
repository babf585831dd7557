# SPDX-License-Identifier: Apache-2.0
"""A team of the soak: its repository, and what the newest commit says, so that the end can be judged."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import yaml

from policies.objects import Object
from tests.fixtures.world import Team, World, config_map, deployment

PATHS = ("one", "two", "three")
_FEWEST, _MOST = 2, 10  # objects of a Kustomization, so that what is kept of them stays as large as it is
_SERVICE = """apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{app: {name}}}
  ports: [{{port: {port}}}]
"""
_BREAKS = {
    "no YAML": "apiVersion: v1\nkind: [ConfigMap\n",
    "an unknown kind": "apiVersion: none.example.com/v1\nkind: Nothing\nmetadata: {name: nothing}\n",
    "an object that is refused": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: wrong}\ndata: [1]\n",
}


@dataclass
class Tenant:
    """One team; `files` is what its newest commit holds, `pushed` every commit, oldest first."""

    team: Team
    files: dict[str, str]
    pushed: list[str] = field(default_factory=list)
    broken: str = ""
    numbers: int = 0

    @classmethod
    def make(cls, world: World, interval: str) -> Tenant:
        tenant = cls(world.team(wait=True, interval=interval, paths=PATHS), {})
        firsts = {f"{path}/{path}-0.yaml": config_map(f"{path}-0") for path in PATHS}  # one namespace for all
        tenant.commit({**firsts, **{f"{path}/first.yaml": None for path in PATHS}})
        return tenant

    def push(self, chance: random.Random) -> str:
        """Change, add and remove some objects, and mend what an earlier push broke; says what was done."""
        changes: dict[str, str | None] = {}
        for path in chance.sample(PATHS, chance.randint(1, len(PATHS))):
            changes |= self._change(path, chance)
        mended = self.broken
        if mended:
            changes[mended], self.broken = None, ""
        sha = self.commit(changes)
        return f"{sha[:7]} in {self.team.namespace}, {len(changes)} files" + (", mended" if mended else "")

    def sabotage(self, chance: random.Random) -> str:
        """Push a manifest that cannot be applied, unless there is one."""
        if self.broken:
            return self.push(chance)
        what = chance.choice(sorted(_BREAKS))
        self.broken = f"{chance.choice(PATHS)}/broken.yaml"
        sha = self.commit({self.broken: _BREAKS[what]})
        return f"{sha[:7]} in {self.team.namespace}, {what} in {self.broken}"

    def mend(self) -> None:
        """Push the end of what is broken."""
        if self.broken:
            changes: dict[str, str | None] = {self.broken: None}
            self.broken = ""
            self.commit(changes)

    def wanted(self) -> list[Object]:
        """Return the objects that the newest commit holds."""
        return [yaml.safe_load(text) for file, text in sorted(self.files.items()) if file != self.broken]

    def _change(self, path: str, chance: random.Random) -> dict[str, str | None]:
        ours = sorted(file for file in self.files if file.startswith(f"{path}/") and file != self.broken)
        deed = chance.choice(["change", "add", "remove"])
        if (deed == "add" and len(ours) < _MOST) or len(ours) < _FEWEST:
            self.numbers += 1
            name = f"{path}-{self.numbers}"
            return {f"{path}/{name}.yaml": self._object(name, chance)}
        file = chance.choice(ours)
        if deed == "remove" and len(ours) > _FEWEST:
            return {file: None}
        old: Object = yaml.safe_load(self.files[file])
        return {file: self._object(old["metadata"]["name"], chance, old["kind"])}

    def _object(self, name: str, chance: random.Random, kind: str = "") -> str:
        kind = kind or chance.choice(["ConfigMap", "Deployment", "Service"])
        number = chance.randint(1, 9999)
        if kind == "ConfigMap":
            return config_map(name, str(number))
        if kind == "Service":
            return _SERVICE.format(name=name, port=number)
        return deployment(name, image=f"ghcr.io/acme/web:{number}", replicas=chance.randint(0, 2))

    def commit(self, changes: dict[str, str | None]) -> str:
        """Push changes of files, and remember what the commit says; returns it."""
        sha = self.team.push(changes, ", ".join(sorted(changes))[:60])
        self.pushed.append(sha)
        for file, text in changes.items():
            if text is None:
                self.files.pop(file, None)
            else:
                self.files[file] = text
        return sha
