# SPDX-License-Identifier: Apache-2.0
"""Fairway under random pushes, edits and blows; in the end the cluster equals Git and memory is flat."""
