"""The command ``blazepose`` and its sub-commands."""
