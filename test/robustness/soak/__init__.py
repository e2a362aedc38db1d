# SPDX-License-Identifier: Apache-2.0
"""A soak: hours of trouble for the node, and what must hold throughout."""
