"""Who is who from image to image, and steady: people instead of poses."""
