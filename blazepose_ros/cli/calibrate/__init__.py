# SPDX-License-Identifier: Apache-2.0
"""``blazepose calibrate``: where cameras are, from people who walk about before them."""
