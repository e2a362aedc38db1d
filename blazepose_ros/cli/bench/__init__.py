# SPDX-License-Identifier: Apache-2.0
"""``blazepose bench``: latency, rate and loss beside the estimator alone."""
