# SPDX-License-Identifier: Apache-2.0
"""Orders that people give in pull requests: read again, decided, carried out and answered."""
