"""The miniature's world: captioned pictures composed from openly licensed icon families."""
