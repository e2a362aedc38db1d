"""What the launch files know: the camera drivers, parameter files and packages."""
