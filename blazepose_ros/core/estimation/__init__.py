"""The models at work: from an image to the people in it."""
