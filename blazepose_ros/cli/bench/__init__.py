"""``blazepose bench``: latency, rate and loss beside the estimator alone."""
