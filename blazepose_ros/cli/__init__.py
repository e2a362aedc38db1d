# SPDX-License-Identifier: Apache-2.0
"""The command ``blazepose`` and its sub-commands."""
