"""Taking back what an upload did, out of the change log."""
