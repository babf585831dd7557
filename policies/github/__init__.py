# SPDX-License-Identifier: Apache-2.0
"""What GitHub sends, understood: signatures, events, addresses. Raw JSON stops here."""
