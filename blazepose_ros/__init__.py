"""BlazePose GHUM 3D for ROS 2: 33 body landmarks as messages, markers and frames."""

from pkgutil import extend_path

# The generated message modules are installed under the same name. With the source
# tree first on sys.path (python started in the repository root) they are still found.
__path__ = extend_path(__path__, __name__)
