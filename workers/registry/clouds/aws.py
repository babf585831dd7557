# SPDX-License-Identifier: Apache-2.0
"""A login at Amazon ECR, by botocore: as whoever this process is in AWS, or as a service account's role.

Which identity that is, and where AWS' services are, is for botocore to find in the process's environment.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from policies.registry.clouds import PUBLIC_ECR, Place, login_of_ecr
from policies.registry.identities import session_name
from workers.registry.clouds.made import CONNECT, STEP, TRIES, Account, Made, failed, missing


def login(place: Place, account: Account | None) -> Made:
    """Return a login at a registry of ECR; raises LibraryMissing, LoginFailed."""
    try:
        import botocore.config
        import botocore.exceptions
        import botocore.session
    except ImportError as error:
        raise missing("aws", error) from None
    # A session is made for each login, which is one an hour: it is not safe for threads, and remembers much.
    session = botocore.session.Session()
    session.set_config_variable("region", place.region)
    session.set_default_client_config(
        botocore.config.Config(
            connect_timeout=CONNECT, read_timeout=STEP, retries={"total_max_attempts": TRIES}
        )
    )
    problems = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)
    try:
        if account is not None:
            session.set_credentials(*_assumed(session, place, account))
        name = "ecr-public" if place.host == PUBLIC_ECR else "ecr"
        answer = session.create_client(name).get_authorization_token()
    except problems as error:
        away = isinstance(error, botocore.exceptions.ConnectionError | botocore.exceptions.HTTPClientError)
        raise failed(place, account.name if account else "", error, unreachable=away) from None
    return _made(place, account, answer.get("authorizationData"))


def _assumed(session: Any, place: Place, account: Account) -> tuple[str, str, str]:
    """Become the account's role: key, secret and token."""
    import botocore
    import botocore.config

    # The token is the proof: whoever this process is besides has nothing to do with it.
    client = session.create_client("sts", config=botocore.config.Config(signature_version=botocore.UNSIGNED))
    answer = client.assume_role_with_web_identity(
        RoleArn=account.identity.role,
        RoleSessionName=session_name(account.name, place.region),
        WebIdentityToken=account.token(account.identity.audience),
    )
    found = answer["Credentials"]
    return found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]


def _made(place: Place, account: Account | None, data: Any) -> Made:
    one = data[0] if isinstance(data, list) and data else data
    token, ends = (one.get(name) for name in ("authorizationToken", "expiresAt")) if one else (None, None)
    made = login_of_ecr(token) if isinstance(token, str) else None
    if made is None or not isinstance(ends, datetime):
        raise failed(place, account.name if account else "", "its answer has no token that can be used")
    return Made(made, ends.timestamp() - time.time())
