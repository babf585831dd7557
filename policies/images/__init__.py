# SPDX-License-Identifier: Apache-2.0
"""Images: their names, which of their tags to run, and what the image kinds say of it.

The answers are those of Flux's image-reflector-controller, which the tests ask themselves.
"""
