# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from app.documentation import configuration
from app.github_app_page import github_app
from app.orders_page import orders
from app.repository_page import repository

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_on_configuration_is_what_the_code_says() -> None:
    assert (DOCS / "configuration.md").read_text() == configuration(), "run `make generate`"


def test_the_page_on_a_repositorys_file_is_what_the_code_says() -> None:
    assert (DOCS / "repository.md").read_text() == repository(), "run `make generate`"


def test_the_page_on_orders_is_what_the_code_says() -> None:
    assert (DOCS / "orders.md").read_text() == orders(), "run `make generate`"


def test_the_page_on_the_app_is_what_the_code_says() -> None:
    assert (DOCS / "github-app.md").read_text() == github_app(), "run `make generate`"
