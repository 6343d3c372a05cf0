"""What the entries of a vendor's lists mean here."""
