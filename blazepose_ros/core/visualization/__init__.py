"""People as pictures: colours, overlay, plot, video."""
