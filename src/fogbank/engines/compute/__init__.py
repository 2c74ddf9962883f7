"""Running functions: environments that take one invocation at a time."""
