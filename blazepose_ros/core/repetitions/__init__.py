# SPDX-License-Identifier: Apache-2.0
"""Exercises, counted from the angles of joints: those of the table, and a user's own from an example."""
