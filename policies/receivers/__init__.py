# SPDX-License-Identifier: Apache-2.0
"""Webhooks of Receivers: where they are sent, who may send them, and what is looked at then."""
