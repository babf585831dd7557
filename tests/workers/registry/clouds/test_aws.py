# SPDX-License-Identifier: Apache-2.0
"""Logging in at Amazon ECR by botocore, which asks services that speak as Amazon's do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from policies.registry.clouds import place_of
from policies.registry.pull_secrets import Login
from tests.fixtures.registry import Asked, Hostile, Reply
from tests.fixtures.registry_clouds import ECR, Clouds, ecr, form, sts
from tests.workers.registry.clouds.conftest import AWS_STS, ECR_API, ROLE, account
from workers.registry import Access
from workers.registry.clouds import CloudLogins, LoginFailed

ECR_PUBLIC_API = "api.ecr-public.us-east-1.amazonaws.com"


def test_a_key_of_aws_logs_in_at_ecr(clouds: Clouds, logins: CloudLogins, aws_key: None) -> None:
    clouds.services[ECR_API] = ecr
    assert logins.login(place_of("aws", ECR), None, Access()) == Login("AWS", "ecr-password")
    (asked,) = clouds.asked(ECR_API)
    assert asked.headers["x-amz-target"] == "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
    assert "Credential=AKIAOWN/" in asked.headers["authorization"]
    assert "/eu-west-1/ecr/aws4_request" in asked.headers["authorization"]


def test_the_public_registry_is_another_service(clouds: Clouds, logins: CloudLogins, aws_key: None) -> None:
    clouds.services[ECR_PUBLIC_API] = lambda asked: ecr(asked, password="public")
    assert logins.login(place_of("aws", "public.ecr.aws"), None, Access()) == Login("AWS", "public")
    (asked,) = clouds.asked(ECR_PUBLIC_API)
    assert asked.headers["x-amz-target"] == "SpencerFrontendService.GetAuthorizationToken"


def test_a_role_of_the_pod_logs_in(
    clouds: Clouds, logins: CloudLogins, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As EKS has it with IRSA, of which this process gets three variables and a file."""
    (tmp_path / "token").write_text("token of the pod")
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    clouds.services |= {AWS_STS: sts, ECR_API: ecr}
    assert logins.login(place_of("aws", ECR), None, Access()).password == "ecr-password"
    assert form(clouds.asked(AWS_STS)[0])["WebIdentityToken"] == "token of the pod"
    assert clouds.asked(ECR_API)[0].headers["x-amz-security-token"] == "role-session"


def test_the_node_logs_in(
    clouds: Clouds, logins: CloudLogins, metadata: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    keys = {"Code": "Success", "AccessKeyId": "ASIANODE", "SecretAccessKey": "x", "Token": "node-session"}
    role = "/latest/meta-data/iam/security-credentials/"

    def answer(asked: Asked) -> Reply:
        if asked.path == "/latest/api/token" and asked.method == "PUT":
            return Reply(b"imds-token", headers={"X-aws-ec2-metadata-token-ttl-seconds": "21600"})
        if asked.headers.get("x-aws-ec2-metadata-token") != "imds-token":
            return Reply(status=401)
        return Reply(b"node-role") if asked.path == role else Reply({**keys, "Expiration": ends})

    metadata.answer = answer
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)
    clouds.services[ECR_API] = ecr
    assert logins.login(place_of("aws", ECR), None, Access()).username == "AWS"
    assert clouds.asked(ECR_API)[0].headers["x-amz-security-token"] == "node-session"


def test_an_endpoint_of_ones_own_is_asked(
    hostile: Hostile, nowhere: None, logins: CloudLogins, aws_key: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile.answer = ecr
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", hostile.url)
    assert logins.login(place_of("aws", ECR), None, Access()).username == "AWS"


def test_a_service_account_logs_in_as_its_role(clouds: Clouds, logins: CloudLogins, aws_key: None) -> None:
    clouds.services |= {AWS_STS: sts, ECR_API: ecr}
    made = account("aws", {"eks.amazonaws.com/role-arn": ROLE})
    assert logins.login(place_of("aws", ECR), made, Access()).password == "ecr-password"
    (asked,) = clouds.asked(AWS_STS)
    assert "authorization" not in asked.headers, "Fairway's own key is no part of it"
    said = form(asked)
    assert said["Action"] == "AssumeRoleWithWebIdentity"
    assert (said["RoleArn"], said["RoleSessionName"]) == (ROLE, "puller.apps.eu-west-1.fluxcd.io")
    assert said["WebIdentityToken"] == "token for sts.amazonaws.com"
    assert "Credential=ASIAROLE/" in clouds.asked(ECR_API)[0].headers["authorization"]


def test_what_aws_refuses_is_told(clouds: Clouds, logins: CloudLogins, aws_key: None) -> None:
    why = {"__type": "AccessDeniedException", "message": "User: arn:aws:iam::1:user/x is not authorized"}
    clouds.services[ECR_API] = lambda asked: Reply(why, status=400)
    with pytest.raises(LoginFailed) as error:
        logins.login(place_of("aws", ECR), None, Access())
    assert error.value.message.startswith("no login at Amazon ECR (eu-west-1) as Fairway itself: ")
    assert "AccessDeniedException" in error.value.message
    assert "User: arn:aws:iam::1:user/x is not authorized" in error.value.message
    assert "may ecr:GetAuthorizationToken" in error.value.remedy
