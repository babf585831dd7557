# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields

import pytest

from policies.errors import SettingsError
from policies.flux_flags import WITHOUT_EFFECT
from policies.objects import GroupKind
from policies.settings import Secret, Settings
from policies.settings_reading import table

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
FILES = {"/secret": "hush\n", "/empty": " \n", "/key": KEY, "/nokey": "hello"}
COMPLETE = {
    "FAIRWAY_REDIS_URL": "redis://:pa55word@127.0.0.1:6379/1",
    "FAIRWAY_WEBHOOK_SECRET_FILE": "/secret",
    "FAIRWAY_GITHUB_APP_ID": "12345",
    "FAIRWAY_GITHUB_PRIVATE_KEY_FILE": "/key",
    "FAIRWAY_GITHUB_ACCOUNTS": "acme, Widgets",
}


def read_file(path: str) -> str:
    if path == "/binary":
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")
    if path not in FILES:
        raise FileNotFoundError(2, "No such file or directory", path)
    return FILES[path]


def settings(env: Mapping[str, str], role: str = "") -> Settings:
    return Settings.from_env(env, read_file, role=role)


def problems(env: Mapping[str, str], role: str = "") -> list[str]:
    with pytest.raises(SettingsError) as raised:
        settings(env, role)
    return raised.value.message.splitlines()


@pytest.mark.parametrize("role", ["", "web", "worker", "watch"])
def test_a_complete_environment_serves_every_process(role: str) -> None:
    found = settings(COMPLETE, role)
    assert found.webhook_secret.reveal() == "hush"
    assert found.github_accounts == ("acme", "Widgets")
    assert found.artifact_base == found.pages_base == "http://127.0.0.1:9292"
    assert found.warnings() == []


def test_nothing_set_has_the_documented_defaults() -> None:
    assert settings({}) == Settings()
    assert settings({"FAIRWAY_CLUSTER": " ", "FAIRWAY_CONCURRENT": ""}) == Settings()


@pytest.mark.parametrize(
    ("role", "variables"),
    [
        ("web", ["FAIRWAY_REDIS_URL", "FAIRWAY_WEBHOOK_SECRET_FILE"]),
        (
            "worker",
            ["FAIRWAY_REDIS_URL", "FAIRWAY_GITHUB_APP_ID", "FAIRWAY_GITHUB_PRIVATE_KEY_FILE"],
        ),
        ("watch", ["FAIRWAY_REDIS_URL"]),
    ],
)
def test_a_process_says_all_it_cannot_do_without(role: str, variables: list[str]) -> None:
    found = problems({}, role)
    assert [line.split()[0] for line in found] == variables
    assert all("is not set" in line for line in found)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("FAIRWAY_CLUSTER", "Prod EU", "small letters"),
        ("FAIRWAY_CLUSTER", "a" * 64, "up to 63"),
        ("FAIRWAY_CLUSTER", "eu--1", "single dots and dashes"),
        ("FAIRWAY_REDIS_URL", "127.0.0.1:6379", "redis://"),
        ("FAIRWAY_REDIS_URL", "http://127.0.0.1", "redis://"),
        ("FAIRWAY_REDIS_URL", "unix:///run/redis.sock", "redis://"),
        ("FAIRWAY_REDIS_URL", "redis://host/name", "a number"),
        ("FAIRWAY_REDIS_URL", "redis://host:70000", "redis://"),
        ("FAIRWAY_PUBLIC_URL", "fairway.example", "https://"),
        ("FAIRWAY_PUBLIC_URL", "https://fairway.example/?a=1", "without"),
        ("FAIRWAY_PUBLIC_URL", "https://", "https://"),
        ("FAIRWAY_GITHUB_URL", "ssh://git@github.com", "https://"),
        ("FAIRWAY_GITHUB_API_URL", "https://me:token@api.github.com", "without user"),
        ("FAIRWAY_GITHUB_APP_ID", "my-app", "numeric id"),
        ("FAIRWAY_GITHUB_PRIVATE_KEY_FILE", "/key", "go together"),
        ("FAIRWAY_WEBHOOK_SECRET_FILE", "/nowhere", "cannot be read: No such file"),
        ("FAIRWAY_WEBHOOK_SECRET_FILE", "/empty", "is empty"),
        ("FAIRWAY_WEBHOOK_SECRET_FILE", "/binary", "not a text file"),
        ("FAIRWAY_GITHUB_ACCOUNTS", "acme, *", "logins"),
        ("FAIRWAY_GITHUB_ACCOUNTS", "acme/fleet", "logins"),
        ("FAIRWAY_TENANCY", "multi", "single or strict"),
        ("FAIRWAY_DATA", "data", "absolute"),
        ("FAIRWAY_LISTEN", "8080", "host:port"),
        ("FAIRWAY_LISTEN", "127.0.0.1:0", "1 to 65535"),
        ("FAIRWAY_LISTEN", "127.0.0.1:65536", "1 to 65535"),
        ("FAIRWAY_LISTEN", "127.0.0.1:80 80", "host:port"),
        ("FAIRWAY_LISTEN", "0.0.0.0:9292", "the same port"),
        ("FAIRWAY_INTERNAL_LISTEN", "::1:9292", "host:port"),
        ("FAIRWAY_INTERNAL_LISTEN", "0.0.0.0:9292", "FAIRWAY_ARTIFACT_URL"),
        ("FAIRWAY_INTERNAL_LISTEN", "[::]:9292", "FAIRWAY_PUBLIC_URL"),
        ("FAIRWAY_NAMESPACE", "Fairway_System", "namespace's name"),
        ("FAIRWAY_CONCURRENT", "many", "from 1 to 256"),
        ("FAIRWAY_CONCURRENT", "0", "from 1 to 256"),
        ("FAIRWAY_CONCURRENT", "-1", "from 1 to 256"),
        ("FAIRWAY_CONCURRENT", "٣", "from 1 to 256"),
        ("FAIRWAY_CONCURRENT", "9" * 10_000, "from 1 to 256"),
        ("FAIRWAY_INTERVAL_JITTER_PERCENTAGE", "101", "from 0 to 100"),
        ("FAIRWAY_NO_CROSS_NAMESPACE_REFS", "yes", "true or false"),
        ("FAIRWAY_ALLOW_LOOPBACK", "on", "true or false"),
        ("FAIRWAY_DEFAULT_SERVICE_ACCOUNT", "-x", "object's name"),
        ("FAIRWAY_GITHUB_ACCOUNT", "acme", "did you mean FAIRWAY_GITHUB_ACCOUNTS"),
        ("FAIRWAY_NO_CROSS_NAMESPACE_REF", "true", "did you mean FAIRWAY_NO_CROSS_NAMESPACE_REFS"),
    ],
)
def test_a_value_that_cannot_work_is_refused_by_name(variable: str, value: str, said: str) -> None:
    found = "\n".join(problems({variable: value}))
    assert variable in found
    assert said in found
    assert len(found) < 500


@pytest.mark.parametrize(
    ("variable", "value", "name", "expected"),
    [
        ("FAIRWAY_REDIS_URL", "rediss://cache.example", "redis_url", "rediss://cache.example"),
        ("FAIRWAY_PUBLIC_URL", "https://fairway.example/", "public_url", "https://fairway.example"),
        (
            "FAIRWAY_GITHUB_API_URL",
            "https://ghe.example/api/v3/",
            "github_api_url",
            "https://ghe.example/api/v3",
        ),
        ("FAIRWAY_LISTEN", "[::1]:8080", "public_listen", "[::1]:8080"),
        ("FAIRWAY_LISTEN", "0.0.0.0:8080", "public_listen", "0.0.0.0:8080"),
        ("FAIRWAY_GITHUB_ACCOUNTS", "octo_corp,acme,", "github_accounts", ("octo_corp", "acme")),
        ("FAIRWAY_NO_CROSS_NAMESPACE_REFS", "TRUE", "no_cross_namespace_refs", True),
        ("FAIRWAY_ALLOW_LOOPBACK", "0", "allow_loopback", False),
        ("FAIRWAY_CONCURRENT", " 4 ", "concurrent", 4),
        ("KUBECONFIG", "/a:/b", "kubeconfig", "/a:/b"),
    ],
)
def test_a_value_that_works_is_taken(variable: str, value: str, name: str, expected: object) -> None:
    assert getattr(settings({variable: value}), name) == expected


def test_all_problems_are_said_at_once() -> None:
    env = {"FAIRWAY_CLUSTER": "A", "FAIRWAY_CONCURRENT": "x", "FAIRWAY_LISTEN": "y"}
    assert len(problems(env, "web")) == 5


def test_an_empty_secret_file_is_one_problem() -> None:
    (only,) = problems(COMPLETE | {"FAIRWAY_WEBHOOK_SECRET_FILE": "/empty"}, "web")
    assert "is empty" in only


def test_a_refused_value_is_one_problem() -> None:
    found = problems(COMPLETE | {"FAIRWAY_REDIS_URL": "redis://:pa55word@host/x"}, "web")
    assert len([line for line in found if line.startswith("FAIRWAY_REDIS_URL")]) == 1, found


def test_a_key_file_that_holds_none_is_refused_by_the_worker_only() -> None:
    env = COMPLETE | {"FAIRWAY_GITHUB_PRIVATE_KEY_FILE": "/nokey"}
    settings(env, "web")
    (only,) = problems(env, "worker")
    assert "holds no private key" in only


def test_no_secret_shows() -> None:
    found = settings(COMPLETE)
    assert "hush" not in f"{found!r} {found} {found.webhook_secret} {found.webhook_secret!r} {vars(found)}"
    assert "pa55word" not in f"{found!r} {found}"


@pytest.mark.parametrize(
    "value", ["redis:/:pa55word@127.0.0.1", "redis://:pa55word@h/x", "pa55word", "amqp://u:pa55word@h"]
)
def test_no_refusal_repeats_a_password(value: str) -> None:
    assert "pa55word" not in "\n".join(problems({"FAIRWAY_REDIS_URL": value}))


def test_a_secret_is_equal_to_itself_only() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")


@pytest.mark.parametrize(
    "name",
    [
        "FAIRWAY_SERVICE_HOST",
        "FAIRWAY_PORT",
        "FAIRWAY_PORT_8080_TCP_ADDR",
        "FAIRWAY_LISTEN_PORT",
        "FAIRWAY_CACHE",
    ],
)
def test_what_others_put_into_the_environment_is_left_alone(name: str) -> None:
    settings({name: "tcp://10.0.0.1:8080"})


def test_accounts_are_compared_as_github_does() -> None:
    found = settings(COMPLETE)
    assert found.allows_account("ACME")
    assert found.allows_account("widgets")
    assert not found.allows_account("acme2")
    assert not found.allows_account("")


def test_no_list_of_accounts_is_warned_of() -> None:
    found = settings({})
    assert found.allows_account("anybody")
    assert "FAIRWAY_GITHUB_ACCOUNTS" in found.warnings()[0]


def test_the_listeners_are_told_by_their_own_addresses_behind_a_proxy() -> None:
    found = settings(
        {
            "FAIRWAY_INTERNAL_LISTEN": "0.0.0.0:9292",
            "FAIRWAY_ARTIFACT_URL": "http://fairway.fairway-system.svc:9292/",
            "FAIRWAY_PUBLIC_URL": "https://fairway.example",
        }
    )
    assert found.artifact_base == "http://fairway.fairway-system.svc:9292"
    assert found.pages_base == "https://fairway.example"


def test_every_field_is_a_variable_with_a_meaning_or_a_secret_read_from_one() -> None:
    for one in fields(Settings):
        if one.name not in ("webhook_secret", "without_effect"):
            assert re.fullmatch(r"FAIRWAY_[A-Z_]+|KUBECONFIG", one.metadata["variable"]), one.name
            assert one.metadata["meaning"].endswith("."), one.name


def test_the_table_has_a_row_for_every_variable() -> None:
    rows = table(Settings).splitlines()
    assert len(rows) == 2 + len(fields(Settings)) - 2 + len(WITHOUT_EFFECT)
    assert "| `FAIRWAY_CONCURRENT` | `16` | How many tasks a worker runs side by side. |" in rows
    loopback = "Let Git, GitHub and registries be on this machine; for the sandbox."
    assert f"| `FAIRWAY_ALLOW_LOOPBACK` | `false` | {loopback} |" in rows


def test_flags_of_flux_that_mean_nothing_here_are_accepted_and_named() -> None:
    found = settings(
        {**COMPLETE, "FAIRWAY_HTTP_RETRY": "5", "FAIRWAY_FEATURE_GATES": "DirectSourceFetch=true"}
    )
    assert (
        "FAIRWAY_HTTP_RETRY has no effect: artifacts are read from FAIRWAY_DATA, not over HTTP"
        in found.warnings()
    )
    assert any("DirectSourceFetch=true has no effect: " in line for line in found.warnings())


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("", {"StrictPostBuildSubstitutions"}),
        ("MigrateAPIVersion=true", {"StrictPostBuildSubstitutions", "MigrateAPIVersion"}),
        ("StrictPostBuildSubstitutions=false, MigrateAPIVersion=True", {"MigrateAPIVersion"}),
    ],
)
def test_feature_gates_have_their_defaults_unless_set(text: str, on: set[str]) -> None:
    found = settings({**COMPLETE, "FAIRWAY_FEATURE_GATES": text})
    gates = ("StrictPostBuildSubstitutions", "MigrateAPIVersion", "AdditiveCELDependencyCheck")
    assert {name for name in gates if found.gate(name)} == on


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("FAIRWAY_REQUEUE_DEPENDENCY", "1m30s", 90.0),
        ("FAIRWAY_OVERRIDE_MANAGER", "helm, argocd", ("helm", "argocd")),
        (
            "FAIRWAY_CUSTOM_APPLY_STAGE_KINDS",
            "rbac.authorization.k8s.io/Role,ServiceAccount",
            (GroupKind("rbac.authorization.k8s.io", "Role"), GroupKind("", "ServiceAccount")),
        ),
        ("FAIRWAY_WATCH_LABEL_SELECTOR", "sharding.fluxcd.io/key=a", "sharding.fluxcd.io/key=a"),
        ("FAIRWAY_NO_REMOTE_BASES", "true", True),
        ("FAIRWAY_INSECURE_KUBECONFIG_EXEC", "false", False),
        ("FAIRWAY_INSECURE_KUBECONFIG_TLS", "true", True),
    ],
)
def test_flags_of_flux_are_read(variable: str, text: str, value: object) -> None:
    found = settings({**COMPLETE, variable: text})
    assert getattr(found, variable.removeprefix("FAIRWAY_").lower()) == value


@pytest.mark.parametrize(
    ("variable", "text", "remedy"),
    [
        ("FAIRWAY_FEATURE_GATES", "Nonsense=true", "there is no gate Nonsense; there are "),
        ("FAIRWAY_FEATURE_GATES", "MigrateAPIVersion", "write gates as Name=true or Name=false"),
        ("FAIRWAY_FEATURE_GATES", "MigrateAPIVersion=yes", "write true or false"),
        ("FAIRWAY_REQUEUE_DEPENDENCY", "30", "write a duration"),
        ("FAIRWAY_CUSTOM_APPLY_STAGE_KINDS", "roles", "write group/Kind"),
        ("FAIRWAY_WATCH_LABEL_SELECTOR", "a b", "write a label selector"),
        ("FAIRWAY_NO_REMOTE_BASES", "false", "Fairway always does so"),
        ("FAIRWAY_INSECURE_KUBECONFIG_EXEC", "true", "Fairway never does so"),
        (
            "FAIRWAY_DEFAULT_KUBECONFIG_SERVICE_ACCOUNT",
            "flux",
            "cannot set default service accounts when the feature gate ObjectLevelWorkloadIdentity is not",
        ),
    ],
)
def test_a_flag_that_makes_no_sense_is_refused(variable: str, text: str, remedy: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(remedy)):
        settings({**COMPLETE, variable: text})
