"""Without ROS: landmarks, estimators, tracking, placement, drawing. numpy, scipy and OpenCV only."""
