# SPDX-License-Identifier: Apache-2.0
"""How the node is doing: figures, and the rules that judge them."""
