"""What the nodes share: parameters, life cycle, process, middleware."""
