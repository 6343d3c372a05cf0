"""Which record of a vendor's is which of ours."""
