# SPDX-License-Identifier: Apache-2.0
"""A forge on one machine: the part of GitHub that Fairway uses, over real bare repositories.

GitHub's REST API (in Enterprise Server's layout, under `/api/v3`), smart HTTP for Git, App webhooks, and
pages to look at. `python -m sandbox.forge --dir DIR --port P` runs it; `sandbox.forge.admin.Forge` is its
Python client.
"""
