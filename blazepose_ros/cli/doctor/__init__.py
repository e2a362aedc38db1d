# SPDX-License-Identifier: Apache-2.0
"""``blazepose doctor``: what is wrong with this machine, and what fixes it."""
