"""Rows of a file brought into the domain: what they refer to, what they change, written set-wise."""
