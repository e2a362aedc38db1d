"""Files named by URL, as in ROS parameters."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory


def resolve_url(url: str) -> Path:
    """Return the file that a path, ``file:///PATH`` or ``package://PACKAGE/PATH`` names.

    Raises:
        ValueError: the URL is of another kind or names a package that is not installed.
    """
    if "://" not in url:
        return Path(url).expanduser()
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(path)
    if parts.scheme == "package":
        return _share_directory(parts.netloc) / path.lstrip("/")
    raise ValueError(f"{url} is neither a path nor file:///PATH nor package://PACKAGE/PATH")


def _share_directory(package: str) -> Path:
    try:
        return Path(get_package_share_directory(package))
    except (PackageNotFoundError, OSError, ValueError) as error:  # OSError: no AMENT_PREFIX_PATH
        raise ValueError(f"package {package!r} is not installed") from error
