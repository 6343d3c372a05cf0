"""Files we hand out: always saved, never opened by a browser on our pages, and kept by nobody in between."""


def attachment_headers(name: str, content_type: str = "text/csv; charset=utf-8") -> dict[str, str]:
    """For a file of a plain name of ours (letters, digits, dashes)."""
    return {
        "Content-Type": content_type,
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
