# SPDX-License-Identifier: Apache-2.0
"""What the references of an object come to, read from a real cluster."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from policies.registry.clouds import Misplaced
from policies.registry.identities import IdentityInvalid
from policies.registry.pull_secrets import Login, PullSecretInvalid, login_for
from tests.fixtures.granting import granted
from tests.fixtures.registry import Image
from tests.fixtures.registry_clouds import ECR, Clouds, ecr, form, sts
from workers.cluster import Client
from workers.registry import Access, References, Unconfigured, gather
from workers.registry.clouds import CloudLogins

KIND = "kubernetes.io/dockerconfigjson"
IMAGE = Image("ghcr.io", "acme/web")


def docker(host: str, username: str) -> dict[str, str]:
    return {".dockerconfigjson": json.dumps({"auths": {host: {"username": username, "password": "p"}}})}


def secret(client: Client, namespace: str, name: str, data: dict[str, str], kind: str = "Opaque") -> None:
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    made: dict[str, Any] = {"apiVersion": "v1", "kind": "Secret", "type": kind, "data": encoded}
    client.create({**made, "metadata": {"name": name, "namespace": namespace}})


def account(client: Client, namespace: str, name: str, *secrets: str) -> None:
    made = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}
    client.create({**made, "imagePullSecrets": [{"name": one} for one in secrets]})


def test_nothing_referred_to_is_anonymous(client: Client, namespace: str) -> None:
    assert gathered(client, References(namespace)) == Access()


def test_a_secret_comes_before_those_of_an_account(client: Client, namespace: str) -> None:
    secret(client, namespace, "own", docker("ghcr.io", "own"), KIND)
    secret(client, namespace, "of-account", docker("ghcr.io", "account"), KIND)
    secret(client, namespace, "more-of-account", docker("ghcr.io/acme", "closer"), KIND)
    secret(client, namespace, "another-kind", {"token": "x"})
    account(client, namespace, "puller", "of-account", "another-kind")
    account(client, namespace, "closer", "of-account", "more-of-account")

    def found(**references: str) -> str:
        login = login_for(gathered(client, References(namespace, **references)).logins, IMAGE)
        assert login is not None
        return login.username

    assert found(secret="own") == "own"
    assert found(service_account="puller") == "account"
    assert found(secret="own", service_account="puller") == "own"
    assert found(secret="own", service_account="closer") == "closer"


def test_certificates_and_proxy_are_read(client: Client, namespace: str) -> None:
    secret(client, namespace, "tls", {"ca.crt": "CA", "tls.crt": "CERT", "tls.key": "KEY"})
    secret(client, namespace, "older", {"caFile": "CA", "certFile": "CERT", "keyFile": "KEY"})
    secret(client, namespace, "proxy", {"address": "http://proxy:3128", "username": "a", "password": "b@c"})
    for name in ("tls", "older"):
        access = gathered(client, References(namespace, certificates=name, proxy="proxy"))
        assert (access.authorities, access.certificate, access.key) == ("CA", "CERT", "KEY")
        assert access.proxy == "http://a:b%40c@proxy:3128"


@pytest.mark.parametrize("reference", ["secret", "service_account", "certificates", "proxy"])
def test_what_is_not_there_is_named(client: Client, namespace: str, reference: str) -> None:
    with pytest.raises(Unconfigured, match=f"'{namespace}/none' not found: create it, or correct spec"):
        gathered(client, References(namespace, **{reference: "none"}))


def test_a_pull_secret_of_an_account_that_is_not_there_is_named(client: Client, namespace: str) -> None:
    account(client, namespace, "puller", "none")
    where = f"correct imagePullSecrets of serviceaccount '{namespace}/puller'"
    with pytest.raises(Unconfigured, match=f"secret '{namespace}/none' not found: create it, or {where}"):
        gathered(client, References(namespace, service_account="puller"))


@pytest.mark.parametrize(
    ("reference", "data", "problem"),
    [
        ("certificates", {"tls.crt": "CERT"}, r"tls\.crt and tls\.key must be set together"),
        ("certificates", {"other": "x"}, r"it has neither ca\.crt nor tls\.crt and tls\.key"),
        ("proxy", {"username": "a"}, r"its address is missing, or no http\(s\) URL"),
        ("proxy", {"address": "socks5://proxy:1080"}, r"its address is missing, or no http\(s\) URL"),
        ("proxy", {"address": "http://proxy:99999"}, r"its address is missing, or no http\(s\) URL"),
    ],
)
def test_what_cannot_be_used_is_named(
    client: Client, namespace: str, reference: str, data: dict[str, str], problem: str
) -> None:
    secret(client, namespace, "bad", data)
    with pytest.raises(
        Unconfigured, match=f"secret '{namespace}/bad' cannot be used: {problem}: correct spec"
    ):
        gathered(client, References(namespace, **{reference: "bad"}))


def test_a_secret_of_another_type_is_no_pull_secret(client: Client, namespace: str) -> None:
    secret(client, namespace, "opaque", {"username": "ada"})
    with pytest.raises(PullSecretInvalid, match=f"pull secret '{namespace}/opaque' .* its type is Opaque"):
        gathered(client, References(namespace, secret="opaque"))


CLOUDS = CloudLogins(allow_loopback=True)


def gathered(client: Client, references: References) -> Access:
    return gather(client, references, CLOUDS)


def test_a_provider_that_there_is_not_is_named(client: Client) -> None:
    with pytest.raises(Unconfigured, match=r"spec\.provider 'oracle' is not known"):
        gathered(client, References("default", provider="oracle"))


@pytest.mark.parametrize("taken", ["insecure", "certificates"])
def test_fairways_own_identity_goes_no_way_that_others_can_play(
    client: Client, namespace: str, taken: str
) -> None:
    """Who chooses the authority or leaves TLS out would be given a login that is good for far more."""
    secret(client, namespace, "tls", {"ca.crt": "CA"})
    chosen: dict[str, Any] = {"insecure": True} if taken == "insecure" else {"certificates": "tls"}
    with pytest.raises(Unconfigured, match="Fairway's own identity is not used with"):
        gathered(client, References(namespace, provider="aws", registry=ECR, **chosen))


def test_a_host_of_another_kind_gets_no_login(client: Client, namespace: str) -> None:
    with pytest.raises(Misplaced, match=r"'ghcr\.io' is no registry of Amazon ECR"):
        gathered(client, References(namespace, provider="aws", registry="ghcr.io"))


def test_a_service_account_logs_in_with_a_token_of_its_own(
    client: Client, namespace: str, clouds: Clouds
) -> None:
    made = {"apiVersion": "v1", "kind": "ServiceAccount"}
    note = {"eks.amazonaws.com/role-arn": "arn:aws:iam::012345678901:role/puller"}
    client.create({**made, "metadata": {"name": "puller", "namespace": namespace, "annotations": note}})
    clouds.services |= {"sts.eu-west-1.amazonaws.com": sts, "api.ecr.eu-west-1.amazonaws.com": ecr}
    references = References(namespace, provider="aws", registry=ECR, service_account="puller")
    for one in (references, replace(references, service_account="", default_account="puller")):
        found = login_for(gathered(client, one).logins, Image(ECR, "acme/web"))
        assert found == Login("AWS", "ecr-password")
    (asked,) = clouds.asked("sts.eu-west-1.amazonaws.com")
    middle = form(asked)["WebIdentityToken"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    assert claims["sub"] == f"system:serviceaccount:{namespace}:puller"
    assert claims["aud"] == ["sts.amazonaws.com"]


def test_a_token_that_may_not_be_made_is_told(client: Client, namespace: str, clouds: Clouds) -> None:
    note = {"eks.amazonaws.com/role-arn": "arn:aws:iam::012345678901:role/puller"}
    metadata = {"name": "puller", "namespace": namespace}
    made = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {**metadata, "annotations": note}}
    client.create(made)
    group = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "r", "namespace": namespace}}
    rules = [{"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"]}]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": f"reader-{namespace}"}
    client.create({**group, "kind": "Role", "rules": rules})
    client.create({**group, "kind": "RoleBinding", "roleRef": role, "subjects": [user]})
    granted(client, f"reader-{namespace}", namespace, "serviceaccounts")
    reader = client.impersonate(f"reader-{namespace}")
    what = f"failed to create kubernetes token for service account '{namespace}/puller': "
    with pytest.raises(Unconfigured, match=f"{what}.*: let Fairway create tokens of service accounts"):
        gathered(reader, References(namespace, provider="aws", registry=ECR, service_account="puller"))
    assert not clouds.asked("sts.eu-west-1.amazonaws.com")


def test_a_service_account_that_is_nobody_in_the_cloud_is_named(client: Client, namespace: str) -> None:
    account(client, namespace, "puller")
    with pytest.raises(
        IdentityInvalid, match=f"service account '{namespace}/puller' annotations: invalid AWS"
    ):
        gathered(client, References(namespace, provider="aws", registry=ECR, service_account="puller"))


def test_no_secret_is_shown() -> None:
    login = Login("ada", "s3cret", "identity", "token")
    shown = repr((login, Access(proxy="http://a:s3cret@proxy", key="s3cret", authorities="s3cret")))
    assert not [word for word in ("s3cret", "identity'", "token'") if word in shown]
