# SPDX-License-Identifier: Apache-2.0
"""Write the files that are made from code: `make generate`, or `python -m app.cli.generate`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import yaml

from app.documentation import configuration
from app.github_app_page import github_app
from app.orders_page import orders
from app.repository_page import repository
from policies.kinds import ALL
from policies.kinds.crd import document
from policies.repofile.schema import published

ROOT = Path(__file__).resolve().parents[2]
_HEAD = """# SPDX-License-Identifier: Apache-2.0
# Generated from policies/kinds by `make generate`; change the models, not this file.
"""


class _Dumper(yaml.SafeDumper):
    """Writes what stands in two places twice: an alias in a schema helps nobody who reads it."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def crds() -> Iterator[tuple[str, str]]:
    """Return the path below the repository's root and the text of each CustomResourceDefinition."""
    for kind in ALL:
        about = kind.definition
        text = yaml.dump(document(kind), Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)
        yield f"helm/fairway/crds/{about.group}_{about.plural}.yaml", f"{_HEAD}---\n{text}"


def files() -> Iterator[tuple[str, str]]:
    """Return everything that is generated, as paths and texts."""
    yield from crds()
    yield "docs/configuration.md", configuration()
    yield "docs/github-app.md", github_app()
    yield "docs/repository.md", repository()
    yield "docs/fairway.schema.json", json.dumps(published(), indent=2, ensure_ascii=False) + "\n"
    yield "docs/orders.md", orders()


@click.command(hidden=True)
@click.option("--check", is_flag=True, help="Write nothing; fail when a file is not what it would become.")
def generate(check: bool) -> None:
    """Write the files that are made from code."""
    stale = [(ROOT / path, text) for path, text in files() if _read(ROOT / path) != text]
    for path, text in stale:
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        click.echo(f"{'stale' if check else 'written'}: {path.relative_to(ROOT)}")
    if check and stale:
        raise click.ClickException("generated files are not current; run `make generate` and commit them")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    generate()
