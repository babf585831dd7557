# SPDX-License-Identifier: Apache-2.0
"""`fairway validate`: what is wrong in a `.fairway.yaml`, said as a compiler does, before it is pushed."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from app.cli.flux.terminal import clean
from policies.errors import FairwayError
from policies.kinds import RepositoryBinding
from policies.repofile import NAME, Narrowed, Problem, Reading, fails, narrow, read
from policies.repofile.positions import LARGEST
from policies.repofile.problem import MOST
from policies.repofile.schema import published
from policies.tenancy import tenant

if TYPE_CHECKING:
    from policies.repofile import Level

_WORDS: dict[Level, str] = {"failure": "error", "warning": "warning", "notice": "note"}
_COLOURS: dict[Level, str] = {"failure": "red", "warning": "yellow", "notice": "cyan"}
_MARGIN, _NARROWEST = 10, 40  # columns


@click.command()
@click.argument("file", default=NAME, type=click.Path(allow_dash=True, dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--schema", is_flag=True, help="Print the JSON schema, for an editor, and read no file.")
@click.option(
    "--binding",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file with the repository's RepositoryBindings: say also what reaches beyond them.",
)
@click.option("--context", help="Take the RepositoryBindings from the cluster of this kubeconfig context.")
@click.option("--kubeconfig", help="The kubeconfig file.")
@click.option(
    "--repository", metavar="OWNER/NAME", help="The repository, where there are bindings of several."
)
@click.option("--cluster", help="The FAIRWAY_CLUSTER whose bindings they are, where instances are several.")
def validate(
    file: str,
    as_json: bool,
    schema: bool,
    binding: Path | None,
    context: str | None,
    kubeconfig: str | None,
    repository: str | None,
    cluster: str | None,
) -> None:
    """Check a repository's .fairway.yaml (- reads standard input).

    Ends with 0 when it can be used, with 1 when something fails.

    \b
    fairway validate
    fairway validate --binding bindings.yaml --repository acme/fleet
    """
    if schema:
        click.echo(json.dumps(published(), indent=2, ensure_ascii=False))
        return
    text = _text(file)
    reading = read(text)
    problems = reading.problems
    bindings = _bindings(binding, context, kubeconfig)
    if bindings is not None:
        problems = _narrowed(reading, bindings, repository, cluster).problems
    failed = fails(problems)
    name = "<stdin>" if file == "-" else file
    if as_json:
        found = {"file": name, "valid": not failed, "problems": [_record(problem) for problem in problems]}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _print(name, text, problems, against=bindings is not None)
    if failed:
        raise click.exceptions.Exit(1)


def _text(file: str) -> bytes:
    try:
        if file == "-":
            return sys.stdin.buffer.read(LARGEST + 1)
        with Path(file).open("rb") as opened:
            return opened.read(LARGEST + 1)
    except OSError as error:
        remedy = "name the file, or go to the top of the repository" if file == NAME else ""
        raise FairwayError(f"{file} cannot be read: {error.strerror}", remedy=remedy) from None


def _bindings(
    file: Path | None, context: str | None, kubeconfig: str | None
) -> list[RepositoryBinding] | None:
    """Return the bindings to check against; None when none are asked for."""
    if file and (context or kubeconfig):
        raise click.UsageError("take the bindings from --binding or from a cluster, not from both")
    if file:
        return _from_file(file)
    return _from_cluster(context, kubeconfig) if context or kubeconfig else None


def _from_file(file: Path) -> list[RepositoryBinding]:
    try:
        documents = list(yaml.safe_load_all(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FairwayError(f"{file} is no YAML: {error}") from None
    about = RepositoryBinding.definition
    kind = (f"{about.group}/{about.version}", about.kind)
    items = [item for one in documents for item in _items(one)]
    found = [i for i in items if (i.get("apiVersion"), i.get("kind")) == kind]
    if not found:
        raise FairwayError(f"{file} has no RepositoryBinding", remedy=f"one of apiVersion {kind[0]}")
    return [RepositoryBinding.read(item) for item in found]


def _items(document: Any) -> list[dict[str, Any]]:
    """Return the objects of a document, which may be a List of them."""
    if not isinstance(document, dict):
        return []
    items = document.get("items")
    return [i for i in items if isinstance(i, dict)] if isinstance(items, list) else [document]


def _from_cluster(context: str | None, kubeconfig: str | None) -> list[RepositoryBinding]:
    from workers.cluster import NoMatch, connect

    client = connect(kubeconfig=kubeconfig, context=context)
    about = RepositoryBinding.definition
    try:
        found, _ = client.list(client.discovery.resource(about.group, about.version, about.kind))
    except NoMatch:
        raise FairwayError(
            f"the cluster does not know the kind {about.kind}", remedy="install helm/fairway/crds"
        ) from None
    return [RepositoryBinding.read(item) for item in found]


def _narrowed(
    reading: Reading, bindings: list[RepositoryBinding], repository: str | None, cluster: str | None
) -> Narrowed:
    owner, number = _repository(bindings, repository)
    granted = tenant(owner, number, served=True, tenancy="strict", bindings=bindings)
    return narrow(reading=reading, tenant=granted, owner=owner, cluster=_cluster(reading, cluster))


def _repository(bindings: list[RepositoryBinding], wanted: str | None) -> tuple[str, int]:
    """Return the owner and the number of the repository that the bindings are to be taken for."""
    named = {f"{b.spec.repository.owner}/{b.spec.repository.name}": b.spec.repository for b in bindings}
    if wanted:
        named = {name: one for name, one in named.items() if name.casefold() == wanted.casefold()}
        if not named:
            raise FairwayError(f"no RepositoryBinding names {wanted}")
    if len({one.id for one in named.values()}) != 1:
        names = ", ".join(sorted(named)) or "none"
        raise FairwayError(f"there are bindings of several repositories: {names}", remedy="give --repository")
    [one, *_] = named.values()
    return one.owner, one.id


def _cluster(reading: Reading, wanted: str | None) -> str:
    instances = sorted(reading.model.instances) if reading.model else []
    found = wanted or os.environ.get("FAIRWAY_CLUSTER") or (instances[0] if len(instances) == 1 else "")
    if instances and not found:
        raise FairwayError(
            "the bindings are those of one cluster, and the file has several instances",
            remedy=f"give --cluster, one of {', '.join(instances)}",
        )
    return found


def _print(name: str, text: bytes, problems: tuple[Problem, ...], *, against: bool) -> None:
    lines = text.decode("utf-8-sig", errors="replace").split("\n")
    excerpts = sys.stdout.isatty()
    for problem in problems:
        where = problem.where
        level = click.style(f"{_WORDS[problem.level]}:", fg=_COLOURS[problem.level], bold=True)
        place = click.style(f"{clean(name)}:{where.line}:{where.column}:", bold=True)
        click.echo(f"{place} {level} {clean(str(problem))}")
        if excerpts:
            click.echo(_excerpt(problem, lines[where.line - 1]))
    if problems:
        click.echo(_count(problems), err=True)
    elif against:
        click.echo(
            f"{clean(name)}: can be used, and asks for nothing that the bindings do not grant", err=True
        )
    else:
        click.echo(f"{clean(name)}: can be used", err=True)


def _excerpt(problem: Problem, line: str) -> str:
    """Show the line, and underline what it is about; of a line too long for the terminal, that part."""
    where = problem.where
    width = max(shutil.get_terminal_size().columns - _MARGIN, _NARROWEST)
    start = max(where.column - 1 - width // 2, 0) if len(line) > width else 0
    shown = _one_width(line[start : start + width])
    at = where.column - 1 - start
    mark = "^" + "~" * (min(where.length, len(shown) - at) - 1)
    number = str(where.line)
    bar = click.style("│", fg="bright_black")
    coloured = click.style(mark, fg=_COLOURS[problem.level], bold=True)
    return f"  {number} {bar} {shown}\n  {' ' * len(number)} {bar} {' ' * at}{coloured}"


def _one_width(line: str) -> str:
    """Return a line in which nothing steers the terminal, and each character stands for itself."""
    return "".join(char if char.isprintable() else "\ufffd" for char in line.replace("\t", " ").rstrip("\r"))


def _count(problems: tuple[Problem, ...]) -> str:
    count = Counter(_WORDS[problem.level] for problem in problems)
    said = [f"{number} {word}{'s' * (number > 1)}" for word in _WORDS.values() if (number := count[word])]
    return ", ".join(said + ["and more"] * (len(problems) >= MOST))


def _record(problem: Problem) -> dict[str, Any]:
    return {
        "line": problem.where.line,
        "column": problem.where.column,
        "endLine": problem.where.end_line,
        "level": problem.level,
        "path": problem.path,
        "message": problem.message,
        "remedy": problem.remedy,
    }
