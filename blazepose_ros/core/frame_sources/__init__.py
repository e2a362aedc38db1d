"""Where a camera's images come from: files, folders, webcams."""
