"""The root of the package's errors."""


class BlazePoseError(Exception):
    """Base of every error of this package; each is a builtin error, such as a ``ValueError``, as well."""
