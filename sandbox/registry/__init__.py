# SPDX-License-Identifier: Apache-2.0
"""A real image registry on loopback (the Go program beside this file), and how the sandbox fills it."""
