"""The columns of each kind of file, declared once: for template, upload, export and API."""
