# SPDX-License-Identifier: Apache-2.0
"""Names of images are read as image-reflector-controller reads them."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from policies.errors import TerminalError
from policies.images import reference
from policies.images.errors import InvalidImage
from tests.fixtures.upstream_reflector import Reflector

_HEX = "0123456789abcdef" * 4
_NAMES = [
    ("alpine", "index.docker.io/library/alpine"),
    ("acme/web", "index.docker.io/acme/web"),
    ("docker.io/alpine", "index.docker.io/library/alpine"),
    ("docker.io/library/alpine", "index.docker.io/library/alpine"),
    ("index.docker.io/alpine", "index.docker.io/library/alpine"),
    ("docker.io:443/alpine", "docker.io:443/alpine"),
    ("registry-1.docker.io/alpine", "registry-1.docker.io/alpine"),
    ("ghcr.io/acme/web", "ghcr.io/acme/web"),
    ("ghcr.io/acme/team/web", "ghcr.io/acme/team/web"),
    ("localhost/acme/web", "index.docker.io/localhost/acme/web"),
    ("localhost:5000/web", "localhost:5000/web"),
    ("127.0.0.1:5000/acme/web", "127.0.0.1:5000/acme/web"),
    ("[::1]:5000/web", "[::1]:5000/web"),
    ("registry.acme.local/we.b_1--x", "registry.acme.local/we.b_1--x"),
    ("Registry.Acme.io/web", "Registry.Acme.io/web"),
    ("ghcr.io:/acme/web", "ghcr.io:/acme/web"),
    ("ghcr.io//web", "ghcr.io//web"),
    ("a/" * 100 + "b", "index.docker.io/" + "a/" * 100 + "b"),
]


@pytest.mark.parametrize(("image", "canonical"), _NAMES)
def test_a_name_is_completed(reflector: Reflector, image: str, canonical: str) -> None:
    assert reference.parse(image).name == canonical
    assert reflector.image(image)["Name"] == canonical


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("https://ghcr.io/acme/web", "should not include URL scheme; remove 'https://'"),
        ("oci://ghcr.io/acme/web", "should not include URL scheme; remove 'oci://'"),
        ("://x", "should not include URL scheme; remove '://'"),
        ("alpine:3.20", "should not include a tag; remove ':3.20'"),
        ("ghcr.io/acme/web:1", "should not include a tag; remove ':1'"),
        ("localhost:5000/web:1", "should not include a tag; remove ':1'"),
        ("localhost:5000", "should not include a tag; remove ':5000'"),
        ("alpine:", "could not parse reference: alpine:"),
        (f"alpine:@sha256:{_HEX}", "could not parse reference: "),
        (f"alpine@sha256:{_HEX}", f"should not include a tag; remove ':{_HEX}'"),
        (f"ghcr.io/acme/web:1@sha256:{_HEX}", "should not include a tag; remove ':1@sha256'"),
        (f"ghcr.io/acme/web@sha256:{_HEX[1:]}", "could not parse reference: "),
        ("", "could not parse reference: "),
        ("a", "could not parse reference: a"),
        ("Alpine", "could not parse reference: Alpine"),
        ("ghcr.io/Acme/web", "could not parse reference: "),
        ("ghcr.io/", "could not parse reference: "),
        ("acme web", "could not parse reference: "),
        ("ghcr.io/acme/web ", "could not parse reference: "),
        ("ghcr.io/acme/web\n", "could not parse reference: "),
        ("gh cr.io/acme/web", "could not parse reference: "),
        ("user@ghcr.io/acme/web", "could not parse reference: "),
        ("ghcr.io:port/web", "could not parse reference: "),
        ("[::1/web", "could not parse reference: "),
        ("a" * 256, "could not parse reference: "),
        ("alpine:" + "t" * 129, "could not parse reference: "),
        ("alpine:a+b", "could not parse reference: "),
        ("bücher/web", "could not parse reference: "),
    ],
)
def test_what_is_no_name_is_refused_in_upstreams_words(
    reflector: Reflector, image: str, message: str
) -> None:
    with pytest.raises(InvalidImage) as raised:
        reference.parse(image)
    assert raised.value.reason == "ImageURLInvalid"
    assert message in raised.value.message
    assert raised.value.message == reflector.image(image)["Error"]
    assert isinstance(raised.value, TerminalError)
    assert raised.value.remedy


@pytest.mark.parametrize(
    ("registry", "plain"),
    [
        ("ghcr.io", False),
        ("localhost:5000", True),
        ("registry.localhost", True),
        ("registry.localhost:5000", True),
        ("registry.local:5000", False),
        ("registry.local.io", False),
        ("127.0.0.1:5000", True),
        ("[::1]:5000", True),
        ("10.0.0.1", True),
        ("10.0.0.256", False),
        ("10.0.0", False),
        ("10.0.0.x", False),
        ("10.0.0.0.1", False),
        ("172.15.0.1", False),
        ("172.16.0.1:80", True),
        ("172.31.255.255", True),
        ("172.32.0.1", False),
        ("192.168.1.1", True),
        ("192.169.1.1", False),
        ("110.0.0.1", False),
    ],
)
def test_a_registry_near_by_may_be_spoken_to_without_tls(
    reflector: Reflector, registry: str, plain: bool
) -> None:
    assert reference.parse(f"{registry}/web").may_be_plain is plain
    assert reflector.image(f"{registry}/web")["Scheme"] == ("http" if plain else "https")
    assert reference.parse(f"{registry}/web", insecure=True).may_be_plain
    assert reflector.image(f"{registry}/web", insecure=True)["Scheme"] == "http"


@pytest.mark.parametrize(
    "image", ["a.b:1:2/web", '"a.b"/web', "<.>/web", "b\u00fccher.example/web", "~.a/web"]
)
def test_a_registry_that_cannot_be_called_so_is_refused_at_once(reflector: Reflector, image: str) -> None:
    with pytest.raises(InvalidImage, match="could not parse reference"):
        reference.parse(image)
    assert not reflector.image(image)["Error"], "upstream finds out when it is called"


_names = st.text(st.sampled_from("ab1.:/@-_A[] %"), max_size=14) | st.builds(
    "/".join, st.lists(st.sampled_from(["docker.io", "a.b:1", "web", "x:1", "", "[::1]", "10.1.2.3"]))
)
_ODD = re.compile(r"[^/]*:[^/]*:[^/]*/")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(image=_names)
@example(image="a..b/xy")
@example(image="[::1]/xy")
def test_any_text_gets_upstreams_answer(reflector: Reflector, image: str) -> None:
    said = reflector.image(image)
    mine = _read(image)
    assert mine == (said["Name"], said["Error"]) or _ODD.match(image)


def _read(image: str) -> tuple[str, str]:
    """Answer as the oracle does: canonical name and error."""
    try:
        return reference.parse(image).name, ""
    except InvalidImage as error:
        return "", error.message
