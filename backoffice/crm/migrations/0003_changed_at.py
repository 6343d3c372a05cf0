"""Keep changed_at on every table of the domain, whoever writes the row."""

from django.db import migrations

TABLES = (
    "account",
    "activity",
    "campaign",
    "choice",
    "contact",
    "customfield",
    "document",
    "group",
    "layout",
    "note",
    "opportunity",
    "product",
    "region",
    "rep",
    "repplace",
    "tag",
    "team",
    "ticket",
)


class Migration(migrations.Migration):
    dependencies = [("crm", "0002_initial")]
    operations = [
        migrations.RunSQL(
            f"CREATE TRIGGER touch_changed_at BEFORE UPDATE ON crm_{table} "
            "FOR EACH ROW EXECUTE FUNCTION touch_changed_at()",
            f"DROP TRIGGER touch_changed_at ON crm_{table}",
        )
        for table in TABLES
    ]
