# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from toolchain.errors import explain

LOG = Path("/cache/log/fairway-engine.log")


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("write /tmp/go-build1/b003/_pkg_.a: no space left on device", "the disk is full"),
        ("k8s.io/api/core/v1: compile: signal: killed", "the machine ran out of memory"),
        ("link: signal: interrupt", "it was interrupted"),
        (
            'go: x@v1.0.0: Get "https://mirror.example/x": dial tcp: lookup mirror.example: no such host',
            "a Go module could not be fetched",
        ),
        ("Get https://mirror.example/x: net/http: TLS handshake timeout", "a Go module could not be fetched"),
        ("x@v1.0.0: reading https://mirror.example/x: 502 Bad Gateway", "a Go module could not be fetched"),
        ("x509: certificate signed by unknown authority", "a Go module could not be fetched"),
        (
            "x@v1.0.0: reading https://mirror.example/x: 404 Not Found",
            "a Go module cannot be had from the proxy that GOPROXY names",
        ),
        (
            "x@v1.0.0: module lookup disabled by GOPROXY=off",
            "a Go module is missing and GOPROXY=off forbids to fetch it",
        ),
        ("verifying x@v1.0.0: checksum mismatch", "a Go module is not the one that go.sum names"),
        ("main.go:4:2: missing go.sum entry for module x", "go.mod and go.sum do not fit together"),
        ("./main.go:3:15: undefined: printl", "it does not compile"),
    ],
)
def test_a_failure_is_explained_by_its_cause(line: str, cause: str) -> None:
    error = explain("fairway-engine", ["github.com/x/y", line, "another line"], LOG)
    assert error.message == f"fairway-engine was not built: {cause}."
    assert f"    {line}\n" in str(error)
    assert str(error).endswith(f"The whole log is in {LOG}.")


def test_a_full_disk_explains_the_compile_errors_that_follow_it() -> None:
    lines = [
        "./main.go:3:15: could not import fmt",
        "write: no space left on device",
        "./main.go:9: undefined",
    ]
    assert "the disk is full" in explain("fairway-engine", lines, LOG).message


def test_only_the_end_of_a_long_log_is_told() -> None:
    error = explain("fairway-engine", [f"line {number}" for number in range(100)] + ["", " "], LOG)
    assert error.tail == tuple(f"line {number}" for number in range(88, 100))
