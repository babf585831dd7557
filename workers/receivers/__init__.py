# SPDX-License-Identifier: Apache-2.0
"""Receivers: made ready for webhooks, and what a webhook sets off."""
