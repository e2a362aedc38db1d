"""The libraries that run TFLite models, each behind the same small contract."""
