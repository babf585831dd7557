# SPDX-License-Identifier: Apache-2.0
"""Image registries: logins, what they answer, and how often they are asked."""
