"""Leave room on each page of jobs for the next version of a row: progress and heartbeats then touch no index (HOT)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE jobs_job SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05)",
            "ALTER TABLE jobs_job RESET (fillfactor, autovacuum_vacuum_scale_factor)",
        ),
    ]
