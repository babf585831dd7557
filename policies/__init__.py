# SPDX-License-Identifier: Apache-2.0
"""The brain: pure decisions; no I/O, no clock, no framework."""
