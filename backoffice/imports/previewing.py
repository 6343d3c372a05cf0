"""The job that finds out what would become of an upload's rows."""

JOB = "imports.preview"
