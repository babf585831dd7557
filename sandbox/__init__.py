# SPDX-License-Identifier: Apache-2.0
"""A real cluster and a forge on one machine, for the demo and the tests."""
