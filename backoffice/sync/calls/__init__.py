"""Calling a vendor: its connector opened, at one pace for all workers, the last exchanges kept."""
