"""Builds the miniature: its world, its data sets and its benchmark. Never imported by `staytrue`."""
