"""What an upload would do, found out without writing anything."""
