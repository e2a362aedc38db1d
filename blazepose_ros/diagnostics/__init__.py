"""How the node is doing, as robot dashboards expect to hear of it."""
