"""The domain's rows as records, and records as rows: many at once."""
