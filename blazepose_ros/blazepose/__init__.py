"""BlazePose's own pipeline, in numpy around any runtime that runs the two TFLite models.

The constants and formulas are those of MediaPipe's pose landmarker, named beside each by the
file of its public graph definitions they come from. Everything is in pixels of the full image
or in a region's own unit square, never in normalised image coordinates.
"""
