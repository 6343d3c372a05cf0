"""One Django app per vendor, each made of the same five files; what they share lies in kit."""
