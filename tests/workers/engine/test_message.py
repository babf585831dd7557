# SPDX-License-Identifier: Apache-2.0
"""Commit messages from templates, as image-automation-controller renders them, and bounded."""

from __future__ import annotations

import json
import subprocess
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import toolchain
from workers.engine import Engine, EngineError
from workers.engine.client import MessageRequest
from workers.engine.errors import FieldRemoved, TemplateInvalid

WEB = {
    "file": "apps/web.yaml", "apiVersion": "apps/v1", "kind": "Deployment", "namespace": "prod",
    "name": "web", "old": "acme/web:1", "new": "acme/web:2", "setter": "apps:web",
}  # fmt: skip
AGAIN = {**WEB, "file": "apps/copy.yaml", "name": "copy"}
TAG = {**WEB, "old": "1", "new": "2", "setter": "apps:web:tag"}
ASKED = MessageRequest("", "apps", "auto", {"by": "Ada"}, [WEB, TAG, AGAIN])


def rendered(engine: Engine, template: str) -> str:
    return engine.message(replace(ASKED, template=template), timeout=5)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("Update", "Update"),
        ("{{ .AutomationObject.Name }} of {{ .AutomationObject.Namespace }}", "auto of apps"),
        ("{{ .AutomationObject }}", "apps/auto"),
        ("{{ .Values.by }} {{ .Values.none }}", "Ada <no value>"),
        (
            "{{ range .Changed.Changes }}{{ .OldValue }}>{{ .NewValue }} {{ .Setter }};{{ end }}",
            "acme/web:1>acme/web:2 apps:web;1>2 apps:web:tag;",
        ),
        (
            "{{ range $file, $objects := .Changed.FileChanges }}{{ $file }}:"
            "{{ range $object, $changes := $objects }} {{ $object.Kind }}/{{ $object.Namespace }}/"
            "{{ $object.Name }} {{ len $changes }}{{ end }};{{ end }}",
            "apps/copy.yaml: Deployment/prod/copy 1;apps/web.yaml: Deployment/prod/web 2;",
        ),
        (
            "{{ range $object, $changes := .Changed.Objects }}{{ $object.APIVersion }} {{ $object.Name }}="
            "{{ len $changes }};{{ end }}",
            "apps/v1 copy=1;apps/v1 web=2;",
        ),
        ('{{ "a b" | title | quote }} {{ list 1 2 | join "," }}', '"A B" 1,2'),
        ('{{ define "x" }}[{{ . }}]{{ end }}{{ template "x" .Values.by }}', "[Ada]"),
        ("{{- if .Changed.Changes }} yes {{- end }}", " yes"),
    ],
)
def test_a_template_says_what_it_says_in_flux(engine: Engine, template: str, said: str) -> None:
    assert rendered(engine, template) == said


def test_changes_are_in_the_order_of_the_files(engine: Engine) -> None:
    changes = [{**WEB, "old": str(number)} for number in range(50)]
    asked = replace(ASKED, template="{{ range .Changed.Changes }}{{ .OldValue }} {{ end }}", changes=changes)
    assert engine.message(asked, timeout=5).split() == [str(number) for number in range(50)]


@pytest.mark.parametrize(
    ("template", "error", "said"),
    [
        ("{{ .Updated.Files }}", FieldRemoved, "removed '.Updated' field"),
        ("{{ range .Changed.ImageResult }}{{ end }}", FieldRemoved, "removed '.Changed.ImageResult' field"),
        ("{{ .Changed.Nothing }}", TemplateInvalid, "failed to run template from spec"),
        ("{{ if }}", TemplateInvalid, "unable to create commit message template from spec"),
        ('{{ fail "no" }}', TemplateInvalid, "error calling fail: no"),
        # What depends on where and when it runs is not there, as in Flux.
        ('{{ env "HOME" }}', TemplateInvalid, 'function "env" not defined'),
        ('{{ expandenv "$HOME" }}', TemplateInvalid, 'function "expandenv" not defined'),
        ('{{ getHostByName "localhost" }}', TemplateInvalid, 'function "getHostByName" not defined'),
        ("{{ now }}", TemplateInvalid, 'function "now" not defined'),
        ("{{ randAlpha 5 }}", TemplateInvalid, 'function "randAlpha" not defined'),
        ('{{ "x" | repeat 70000 }}', TemplateInvalid, "the message is longer than 64 KiB"),
        (
            '{{ define "x" }}{{ template "x" }}{{ end }}{{ template "x" }}',
            TemplateInvalid,
            "exceeded maximum",
        ),
    ],
)
def test_what_cannot_be_rendered_is_said(
    engine: Engine, template: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        rendered(engine, template)


def test_no_template_holds_the_engine_up(engine: Engine) -> None:
    template = "{{ range $a := until 30000 }}{{ range $b := until 30000 }}{{ end }}{{ end }}"
    began = time.monotonic()
    with pytest.raises(EngineError):
        engine.message(replace(ASKED, template=template), timeout=1)
    assert time.monotonic() - began < 5
    assert rendered(engine, "on it goes") == "on it goes"


def test_a_large_allocation_is_seen_though_it_was_given_back(tmp_path: Path) -> None:
    # It is made at one stroke, in which the engine's watch cannot look, and forgotten at once.
    asked = {**asdict(ASKED), "template": '{{ "x" | repeat 300000000 | len }}'}
    binary = toolchain.binary("fairway-engine")
    process = subprocess.run(
        [binary, "-scratch", tmp_path, "-memory", str(128 << 20)],
        input=json.dumps({"id": 1, "op": "message", "with": asked}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    answer = json.loads(process.stdout.splitlines()[-1])
    assert (answer["error"]["kind"], process.returncode) == ("too_large", 3)
