"""Measurements behind the numbers of the README, and the validators of `make check`."""
