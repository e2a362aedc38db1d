# SPDX-License-Identifier: Apache-2.0
"""``blazepose eval``: accuracy on labeled images, as the model card measures it."""
