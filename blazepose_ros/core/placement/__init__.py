"""Where people are in the camera's frame: from one colour image, over time, and from depth."""
