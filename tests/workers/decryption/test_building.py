# SPDX-License-Identifier: Apache-2.0
"""What is decrypted when a source is built: before kustomize, after it, and how it is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from policies.objects import Object
from tests.fixtures.engine import Request
from tests.fixtures.sops import SECRETS_ONLY, Vault
from workers.decryption import Keys, Sops, build
from workers.engine import BuildFailed, Engine, EngineError
from workers.engine.errors import DecryptionFailed, EncryptedSecret

SOPS = {"decryption": {"provider": "sops", "secretRef": {"name": "keys"}}}
HIDDEN = "correct-horse-battery"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\nstringData:\n  word: %s\n"
GENERATOR = "secretGenerator:\n- {name: s, options: {disableNameSuffixHash: true}, %s}\n"

Render = Callable[..., list[Object]]


def keys(**entries: str) -> Keys:
    named = {name.replace("_", "."): base64.b64encode(v.encode()).decode() for name, v in entries.items()}
    return Keys(named, "sops decryption Secret 'apps/keys'")


@pytest.fixture
def render(engine: Engine, sops: Sops, vault: Vault, build_request: Request) -> Render:
    """Build files with the keys of the vault, unless others are given."""

    def build_them(files: dict[str, Any], given: Keys | None = None, **spec: Any) -> list[Object]:
        with_keys = keys(k_agekey=vault.age, k_asc=vault.pgp) if given is None else given
        request = build_request(files, **{**SOPS, **spec})
        return build(engine, sops, request, with_keys, timeout=20).objects

    return build_them


def values(secret: Object) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


@pytest.mark.parametrize(
    ("name", "text", "format", "plain"),
    [
        ("a.yaml", f"word: {HIDDEN}\n", "yaml", f"word: {HIDDEN}\n"),
        ("a.json", f'{{"word": "{HIDDEN}"}}', "json", f'{{\n\t"word": "{HIDDEN}"\n}}\n'),
        ("a.ini", f"[s]\nword = {HIDDEN}\n", "ini", f"[s]\nword = {HIDDEN}\n"),
        ("a.env", f"WORD={HIDDEN}\n", "dotenv", f"WORD={HIDDEN}\n"),
        ("a.txt", f"\x01{HIDDEN}", "binary", f"\x01{HIDDEN}"),
    ],
)
def test_a_file_of_a_generator_is_decrypted_by_the_format_of_its_name(
    render: Render, vault: Vault, name: str, text: str, format: str, plain: str
) -> None:
    encrypted = vault.encrypt(text, format)
    assert HIDDEN not in encrypted
    files = {"kustomization.yaml": GENERATOR % f"files: [{name}]", name: encrypted}
    assert values(render(files)[0]) == {name: plain}


def test_a_key_before_the_file_decides_the_format(render: Render, vault: Vault) -> None:
    encrypted = vault.encrypt(f'{{"auths": "{HIDDEN}"}}', "json")
    files = {"kustomization.yaml": GENERATOR % "files: [.dockerconfigjson=plain]", "plain": encrypted}
    assert HIDDEN in values(render(files)[0])[".dockerconfigjson"]


def test_an_environment_file_of_any_name_is_dotenv(render: Render, vault: Vault) -> None:
    files = {
        "kustomization.yaml": GENERATOR % "envs: [settings]",
        "settings": vault.encrypt(f"WORD={HIDDEN}\nOTHER=x\n", "dotenv"),
    }
    assert values(render(files)[0]) == {"WORD": HIDDEN, "OTHER": "x"}


def test_bases_components_and_patches_are_walked_before_the_build(render: Render, vault: Vault) -> None:
    patch = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  word: {HIDDEN}\n"
    files = {
        "app/kustomization.yaml": "resources: [../base]\ncomponents: [../part]\npatches: [{path: p.yaml}]\n",
        "app/p.yaml": vault.encrypt(patch, regex="^data$"),
        "base/kustomization.yaml": "resources: [c.yaml]\n",
        "base/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n",
        "part/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
        + GENERATOR % "envs: [e.env]",
        "part/e.env": vault.encrypt(f"WORD={HIDDEN}\n", "dotenv"),
    }
    built = {obj["kind"]: obj for obj in render(files, path="app")}
    assert built["ConfigMap"]["data"] == {"word": HIDDEN}
    assert values(built["Secret"]) == {"WORD": HIDDEN}


@pytest.mark.parametrize("sort", ["age", "pgp"])
def test_a_secret_is_decrypted_as_a_whole(render: Render, vault: Vault, sort: str) -> None:
    to = {"pgp": vault.pgp} if sort == "pgp" else {}
    encrypted = vault.encrypt(SECRET % ("s", HIDDEN), regex=SECRETS_ONLY, **to)
    (secret,) = render({"s.yaml": encrypted})
    assert values(secret) == {"word": HIDDEN}
    assert "sops" not in secret


def test_values_of_a_secret_are_decrypted_one_by_one(render: Render, vault: Vault) -> None:
    inner = base64.b64encode(vault.encrypt(f"word: {HIDDEN}\n").encode()).decode()
    plain = base64.b64encode(b"plain").decode()
    text = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{a.yaml: {inner}, b: {plain}}}\n"
    (secret,) = render({"s.yaml": text})
    assert values(secret) == {"a.yaml": f"word: {HIDDEN}\n", "b": "plain"}


def test_variables_are_replaced_in_what_was_decrypted(render: Render, vault: Vault) -> None:
    encrypted = vault.encrypt(SECRET % ("s", "a${who}c"), regex=SECRETS_ONLY)
    (secret,) = render({"s.yaml": encrypted}, variables={"who": "b"}, postBuild={"substitute": {"who": "b"}})
    assert values(secret) == {"word": "abc"}


def test_what_is_marked_is_left_encrypted(render: Render, vault: Vault) -> None:
    named = "s\n  annotations: {kustomize.toolkit.fluxcd.io/decrypt: Disabled}"
    (secret,) = render({"s.yaml": vault.encrypt(SECRET % (named, HIDDEN), regex=SECRETS_ONLY)})
    assert values(secret)["word"].startswith("ENC[")


def test_without_decryption_an_encrypted_secret_is_refused(
    engine: Engine, vault: Vault, build_request: Request
) -> None:
    encrypted = vault.encrypt(SECRET % ("s", HIDDEN), regex=SECRETS_ONLY)
    with pytest.raises(EncryptedSecret) as caught:
        engine.build(build_request({"s.yaml": encrypted}, targetNamespace="apps"), timeout=20)
    assert caught.value.reason == "ReconciliationFailed"
    assert str(caught.value) == (
        "Secret/apps/s is SOPS encrypted, configuring decryption is required for this secret to be reconciled"
    )


def test_a_build_without_anything_encrypted_starts_no_child(engine: Engine, build_request: Request) -> None:
    idle = Sops(lambda: pytest.fail("it was looked for"))
    request = build_request({"s.yaml": SECRET % ("s", "plain")}, **SOPS)
    assert values(build(engine, idle, request, Keys(), timeout=20).objects[0]) == {"word": "plain"}


def refused(render: Render, files: dict[str, Any], given: Keys | None = None, **spec: Any) -> EngineError:
    with pytest.raises(EngineError) as caught:
        render(files, given, **spec)
    assert HIDDEN not in str(caught.value)
    assert caught.value.reason == "BuildFailed"
    return caught.value


def test_a_wrong_key_is_told_with_the_object(render: Render, vault: Vault) -> None:
    encrypted = vault.encrypt(SECRET % ("s", HIDDEN), regex=SECRETS_ONLY)
    other = vault.another().age
    error = refused(render, {"s.yaml": encrypted}, keys(k_agekey=other), targetNamespace="apps")
    assert str(error).startswith(
        "decryption failed for 'Secret.v1.[noGrp]/s': failed to decrypt and format 'apps/s' Secret data: "
        "cannot get sops data key: Failed to get the data key required to decrypt the SOPS file."
    )
    assert other not in str(error)


def test_a_wrong_key_is_told_with_the_file_and_the_field(render: Render, vault: Vault) -> None:
    encrypted = vault.encrypt(f"WORD={HIDDEN}\n", "dotenv")
    files = {"kustomization.yaml": GENERATOR % "envs: [e.env]", "e.env": encrypted}
    error = refused(render, files, keys(k_agekey=vault.another().age))
    assert str(error).startswith("error decrypting sources: e.env: cannot get sops data key: ")
    assert error.file == "e.env"
    inner = base64.b64encode(vault.encrypt(f"word: {HIDDEN}\n").encode()).decode()
    text = f"apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{a.yaml: {inner}}}\n"
    error = refused(render, {"s.yaml": text}, keys(k_agekey=vault.another().age))
    assert "failed to decrypt and format '/s' Secret field 'a.yaml': cannot get sops data key" in str(error)


def test_a_file_that_is_missing_or_too_large_is_named(render: Render) -> None:
    files: dict[str, Any] = {"kustomization.yaml": GENERATOR % "envs: [e.env]"}
    error = refused(render, files)
    assert str(error) == "error decrypting sources: lstat e.env: no such file or directory"
    error = refused(render, {**files, "e.env": "A=" + "x" * (5 << 20)})
    assert str(error) == (
        "error decrypting sources: e.env: cannot decrypt file with size (5242882 bytes) "
        "exceeding limit (5242880)"
    )


def test_a_value_whose_type_was_changed_is_not_quoted(render: Render, vault: Vault) -> None:
    encrypted = vault.encrypt(SECRET % ("s", HIDDEN), regex=SECRETS_ONLY)
    error = refused(render, {"s.yaml": encrypted.replace("type:str", "type:int", 1)})
    assert "error decrypting sops tree" in str(error)


def test_the_message_of_a_build_that_quotes_plaintext_is_withheld(render: Render, vault: Vault) -> None:
    patch = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {HIDDEN}\n"
    files = {"kustomization.yaml": "patches: [{path: p.yaml}]\n", "p.yaml": vault.encrypt(patch)}
    error = refused(render, files)
    assert isinstance(error, BuildFailed)
    assert "withheld" in str(error)


def test_a_changed_value_is_refused_though_the_mac_is_not_compared(render: Render, vault: Vault) -> None:
    encrypted = vault.encrypt(SECRET % ("s", HIDDEN), regex=SECRETS_ONLY)
    head, data, tail = encrypted.partition("ENC[AES256_GCM,data:")
    swapped = head + data + ("A" if tail[0] != "A" else "B") + tail[1:]
    error = refused(render, {"s.yaml": swapped})
    assert isinstance(error, DecryptionFailed)
    # As in Flux: what kustomize adds to an object would never fit its MAC.
    assert values(render({"s.yaml": encrypted.replace("name: s", "name: t", 1)})[0]) == {"word": HIDDEN}
