"""The facades' door: each vendor's own protocol, served from our records to who comes with a credential of ours."""
