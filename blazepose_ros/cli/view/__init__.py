# SPDX-License-Identifier: Apache-2.0
"""``blazepose view``: a web page that shows what the node sees."""
