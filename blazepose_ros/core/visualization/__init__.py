"""People as pictures: colors, overlay, plot, video."""
