"""What the domain's tables stand on: extensions, folded text, and the time of the last change."""

from django.contrib.postgres.operations import BtreeGistExtension, TrigramExtension, UnaccentExtension
from django.db import migrations

FOLD = r"""
CREATE FUNCTION fold(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(unaccent('unaccent', btrim(
    CASE WHEN value ~ '\s\s|[^\S ]' THEN regexp_replace(value, '\s+', ' ', 'g') ELSE value END
)));
COMMENT ON FUNCTION fold(text) IS 'Text as people compare it: lower case, no accents, single blanks.';
"""

TOUCH = """
CREATE FUNCTION touch_changed_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_at := now();
    RETURN NEW;
END $$;
COMMENT ON FUNCTION touch_changed_at() IS 'Keeps changed_at, whoever writes the row.';
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        TrigramExtension(),
        UnaccentExtension(),
        BtreeGistExtension(),
        migrations.RunSQL(FOLD, "DROP FUNCTION fold(text)"),
        migrations.RunSQL(TOUCH, "DROP FUNCTION touch_changed_at()"),
    ]
