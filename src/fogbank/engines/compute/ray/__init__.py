"""The compute engine on a Ray cluster: Ray chooses the node, a host there runs the environment in a sandbox."""
