# SPDX-License-Identifier: Apache-2.0
"""Images: their names, which of their tags to run, where they are written down in Git, how they are proposed.

The answers are those of Flux's image controllers, which the tests ask themselves.
"""
