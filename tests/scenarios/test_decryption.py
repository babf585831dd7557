# SPDX-License-Identifier: Apache-2.0
"""Encrypted repositories, from the push to the Secret in the cluster, and where plaintext is besides."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from policies import conditions
from policies.objects import Object, ObjectRef
from tests.fixtures.sops import SECRETS_ONLY, Vault
from tests.fixtures.world import Team, World, config_map, until

DECRYPTION = {"decryption": {"provider": "sops", "secretRef": {"name": "sops-keys"}}}
HIDDEN = "xylophone-quetzal-41"
SECRET = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  word: {HIDDEN}\n"


def ready(team: Team) -> dict[str, Any]:
    return conditions.find(conditions.of(team.applied()), "Ready") or {}


def secret(team: Team, name: str) -> Object | None:
    return team.world.client.find(ObjectRef("", "v1", "Secret", team.namespace, name))


def keys(team: Team, **entries: str) -> None:
    data = {
        name.replace("_", "."): base64.b64encode(text.encode()).decode() for name, text in entries.items()
    }
    metadata = {"name": "sops-keys", "namespace": team.namespace}
    team.world.client.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


def files(vault: Vault) -> dict[str, str | None]:
    return {
        "app/kustomization.yaml": "resources: [db.yaml]\n"
        "secretGenerator:\n- {name: env, envs: [plain.env]}\n",
        "app/db.yaml": vault.encrypt(SECRET, regex=SECRETS_ONLY),
        "app/plain.env": vault.encrypt(f"WORD={HIDDEN}\n", "dotenv"),
    }


def where(world: World, text: str) -> list[str]:
    """Find a text in every file of the world but the control plane's own, and in every value of Redis."""
    needles = [text.encode(), base64.b64encode(text.encode())]
    found = [
        str(path)
        for path in Path(world.folder).rglob("*")
        if path.is_file() and not {"cluster", "cluster.log"} & set(path.relative_to(world.folder).parts)
        if any(needle in path.read_bytes() for needle in needles)
    ]
    redis = world.redis
    for key in redis.scan_iter():
        dumped = redis.dump(key) or b""
        if any(needle in dumped for needle in needles):
            found.append(f"redis {key!r}")
    return found


def test_encrypted_files_become_secrets_and_their_plaintext_is_nowhere_else(
    world: World, vault: Vault
) -> None:
    team = world.team(paths=())
    keys(team, team_agekey=vault.age)
    sha = team.push(files(vault))
    team.kustomization("app", **DECRYPTION)
    team.settled(sha)
    db = secret(team, "db")
    assert db is not None
    assert base64.b64decode(db["data"]["word"]).decode() == HIDDEN
    names = [entry["id"].split("_")[1] for entry in team.applied()["status"]["inventory"]["entries"]]
    (generated,) = [name for name in names if name.startswith("env-")]
    env = secret(team, generated)
    assert env is not None
    assert base64.b64decode(env["data"]["WORD"]).decode() == HIDDEN
    # The repository was empty a moment ago, which may have been said on the commit first.
    until(lambda: [s["state"] for s in team.statuses(sha)][-1:] == ["success"], what="success")
    assert where(world, HIDDEN) == []
    assert where(world, vault.age) == []
    assert where(world, team.namespace) != []  # it does look


def test_without_the_right_key_nothing_is_applied_and_the_reason_is_told(world: World, vault: Vault) -> None:
    team = world.team(paths=())
    sha = team.push({"app/db.yaml": files(vault)["app/db.yaml"], "app/c.yaml": config_map("c")})
    team.kustomization("app", **DECRYPTION)
    until(lambda: 'secrets "sops-keys" not found' in ready(team).get("message", ""), what="a missing Secret")
    assert ready(team)["reason"] == "BuildFailed"
    keys(team, team_agekey=vault.another().age)
    prefix = "decryption failed for 'Secret.v1.[noGrp]/db': failed to decrypt and format "
    until(lambda: ready(team)["message"].startswith(prefix), what="a wrong key")
    assert ready(team)["reason"] == "BuildFailed"
    assert team.final(sha)["state"] == "failure"
    assert team.config("c") is None


def test_without_decryption_an_encrypted_secret_stops_everything(world: World, vault: Vault) -> None:
    team = world.team(paths=())
    team.push({"app/db.yaml": files(vault)["app/db.yaml"], "app/c.yaml": config_map("c")})
    team.kustomization("app")
    said = (
        f"Secret/{team.namespace}/db is SOPS encrypted, "
        "configuring decryption is required for this secret to be reconciled"
    )
    until(lambda: ready(team).get("message") == said, what="the refusal")
    assert ready(team)["reason"] == "ReconciliationFailed"
    assert team.config("c") is None
    assert secret(team, "db") is None


def test_a_decrypted_value_that_the_api_server_quotes_is_left_out(world: World, vault: Vault) -> None:
    team = world.team(paths=())
    keys(team, team_agekey=vault.age)
    number = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  word: 48151623\n"
    sha = team.push({"app/db.yaml": vault.encrypt(number, regex=SECRETS_ONLY)})
    team.kustomization("app", **DECRYPTION)
    until(lambda: ready(team).get("reason") == "ReconciliationFailed", what="the refusal")
    assert "<withheld>" in ready(team)["message"]
    assert team.final(sha)["state"] == "failure"
    assert where(world, "48151623") == []
