# SPDX-License-Identifier: Apache-2.0
"""One module a kind, each in the same five steps: observe, decide, act, record, tell."""
