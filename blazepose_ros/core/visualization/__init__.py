# SPDX-License-Identifier: Apache-2.0
"""People as pictures: colors, overlay, plot, video."""
