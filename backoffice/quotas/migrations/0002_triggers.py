"""Write a revision for every quota that is set to something, and keep changed_at."""

from django.db import migrations

REVISE = """
CREATE FUNCTION quotas_revise() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    who jsonb := COALESCE(NULLIF(current_setting('backoffice.acting', true), ''), '{}')::jsonb;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO quotas_quotarevision (quota_id, amount, currency, at, actor, actor_label, why)
        SELECT id, amount, currency, clock_timestamp(), (who ->> 'actor')::bigint,
               COALESCE(who ->> 'label', session_user), COALESCE(current_setting('backoffice.why', true), '')
        FROM new_rows ORDER BY id;
    ELSE
        INSERT INTO quotas_quotarevision (quota_id, amount, currency, at, actor, actor_label, why)
        SELECT new_rows.id, new_rows.amount, new_rows.currency, clock_timestamp(), (who ->> 'actor')::bigint,
               COALESCE(who ->> 'label', session_user), COALESCE(current_setting('backoffice.why', true), '')
        FROM new_rows JOIN old_rows USING (id)
        WHERE (new_rows.amount, new_rows.currency) IS DISTINCT FROM (old_rows.amount, old_rows.currency)
        ORDER BY id;
    END IF;
    RETURN NULL;
END $$;
ALTER FUNCTION quotas_revise() SET enable_nestloop = off;
CREATE TRIGGER quotas_revise_new AFTER INSERT ON quotas_quota
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION quotas_revise();
CREATE TRIGGER quotas_revise_changed AFTER UPDATE ON quotas_quota
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION quotas_revise();
"""
UNDO_REVISE = """
DROP TRIGGER quotas_revise_new ON quotas_quota;
DROP TRIGGER quotas_revise_changed ON quotas_quota;
DROP FUNCTION quotas_revise();
"""


class Migration(migrations.Migration):
    dependencies = [("quotas", "0001_initial"), ("crm", "0003_changed_at")]
    operations = [
        migrations.RunSQL(REVISE, UNDO_REVISE),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER touch_changed_at BEFORE UPDATE ON quotas_{table} "
                "FOR EACH ROW EXECUTE FUNCTION touch_changed_at()",
                f"DROP TRIGGER touch_changed_at ON quotas_{table}",
            )
            for table in ("quota", "exchangerate")
        ),
    ]
