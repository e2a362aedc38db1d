# SPDX-License-Identifier: Apache-2.0
"""The model files: their registry, their download."""
