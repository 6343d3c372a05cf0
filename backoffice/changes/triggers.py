"""The triggers that write the change log, made from the columns each logged table has now.

Three per table see whole statements through transition tables (COPY, merges and cascades included); two more
refuse what the log could not tell of: TRUNCATE, and an id that changes.

Measured with 20,000 rows of 40 columns: building only the changed keys with JSON_OBJECT(... ABSENT ON NULL) is
twice as fast as to_jsonb(row) minus the unchanged ones. Without `enable_nestloop = off` the plan made for a
one-row statement joins the transition tables of a bulk update row by row, for minutes.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from backoffice.changes.acting import SETTING, Door
from backoffice.changes.models import Change
from backoffice.changes.registry import Logged, logged_models

NEVER_LOGGED = frozenset({"changed_at"})
PREFIX = "change_log_"
LOG = Change._meta.db_table
WHO = (
    "(who->>'actor')::bigint, coalesce(who->>'label', ''), who->>'door', (who->>'job')::bigint, "
    "(who->>'connection')::bigint, (who->>'api_key')::bigint"
)
INTO = (
    f"INSERT INTO {LOG} (kind, object_id, child_kind, child_id, operation, before, after, "
    "actor, actor_label, door, job_id, connection_id, api_key_id)"
)

WHO_ACTS = f"""
BEGIN
    RETURN coalesce(
        nullif(current_setting('{SETTING}', true), '')::jsonb,
        jsonb_build_object('door', '{Door.DATABASE.value}', 'label', session_user)
    );
END
"""
REQUIRE_ACTOR = """
BEGIN
    IF current_setting('backoffice.require_actor', true) = 'on' THEN
        RAISE EXCEPTION 'A change of "%" without an actor.', changed_table
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Make the change inside "with acting(user, Door.…):", see backoffice/changes/acting.py.';
    END IF;
END
"""
REFUSE_TRUNCATE = """
BEGIN
    IF current_setting('backoffice.truncate', true) = 'allowed' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'The change log can not tell of a TRUNCATE of "%": delete its rows.', TG_TABLE_NAME;
END
"""
REFUSE_NEW_ID = """
BEGIN
    RAISE EXCEPTION 'The id of a row of "%" never changes: the change log knows the row by it.', TG_TABLE_NAME;
END
"""
REFUSE_REWRITING = """
BEGIN
    RAISE EXCEPTION 'The change log only grows: its entries are neither changed nor deleted.';
END
"""


@dataclass(frozen=True)
class Column:
    """A column as the database has it."""

    name: str
    type: str
    can_be_null: bool

    @property
    def empty(self) -> str:
        """What is left out of a new or deleted row's entry, besides null."""
        if self.can_be_null:
            return ""
        return {"text": "''", "character varying": "''", "jsonb": "'{}'"}.get(self.type, "")

    def value(self, side: str) -> str:
        """The column's value on one side, NULL where it is empty."""
        value = f"{side}.{quoted(self.name)}"
        if self.empty:
            value = f"nullif({value}, {self.empty})"
        return f"nullif({value}, '[]')" if self.type == "jsonb" and self.empty else value


@dataclass(frozen=True)
class Function:
    name: str
    signature: str
    returns: str
    body: str

    @property
    def sql(self) -> str:
        return (
            f"CREATE OR REPLACE FUNCTION {quoted(self.name)}({self.signature}) RETURNS {self.returns} "
            f"LANGUAGE plpgsql SET enable_nestloop = off AS $change_log${self.body}$change_log$"
        )


@dataclass(frozen=True)
class Trigger:
    table: str
    name: str
    when: str
    function: Function

    @property
    def sql(self) -> str:
        return (
            f"CREATE OR REPLACE TRIGGER {quoted(self.name)} {self.when} EXECUTE FUNCTION {quoted(self.function.name)}()"
        )


def install(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Bring functions and triggers in step with the tables; answers what was put in place. Costs little to repeat."""
    connection = connections[using]
    with transaction.atomic(using=using), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('change log triggers'))")
        functions, triggers = _wanted(cursor)
        bodies, present = _installed(cursor)
        done = []
        for function in functions:
            if bodies.get(function.name) != function.body:
                cursor.execute(function.sql)
                done.append(function.name)
        for trigger in triggers:
            if present.get((trigger.table, trigger.name)) != "O":
                cursor.execute(trigger.sql)
                cursor.execute(f"ALTER TABLE {quoted(trigger.table)} ENABLE TRIGGER {quoted(trigger.name)}")
                done.append(trigger.name)
        for table, name in present.keys() - {(trigger.table, trigger.name) for trigger in triggers}:
            cursor.execute(f"DROP TRIGGER {quoted(name)} ON {quoted(table)}")
    return done


def missing_triggers(using: str = DEFAULT_DB_ALIAS) -> list[str]:
    """What `install` would put in place: triggers that are not there, are disabled, or know other columns."""
    with connections[using].cursor() as cursor:
        functions, triggers = _wanted(cursor)
        bodies, present = _installed(cursor)
    stale = {function.name for function in functions if bodies.get(function.name) != function.body}
    return [
        f"{trigger.table}: {trigger.name.removeprefix(PREFIX)}"
        for trigger in triggers
        if present.get((trigger.table, trigger.name)) != "O" or trigger.function.name in stale
    ]


def _wanted(cursor: Any) -> tuple[list[Function], list[Trigger]]:
    refuse_truncate = Function(f"{PREFIX}refuse_truncate", "", "trigger", REFUSE_TRUNCATE)
    refuse_new_id = Function(f"{PREFIX}refuse_new_id", "", "trigger", REFUSE_NEW_ID)
    refuse_rewriting = Function(f"{PREFIX}refuse_rewriting", "", "trigger", REFUSE_REWRITING)
    functions = [
        Function(f"{PREFIX}who_acts", "", "jsonb", WHO_ACTS),
        Function(f"{PREFIX}require_actor", "changed_table text", "void", REQUIRE_ACTOR),
        refuse_truncate,
        refuse_new_id,
        refuse_rewriting,
    ]
    triggers = [
        Trigger(LOG, f"{PREFIX}only_grows", f"BEFORE UPDATE OR DELETE ON {LOG} FOR EACH STATEMENT", refuse_rewriting),
        Trigger(LOG, f"{PREFIX}truncate", f"BEFORE TRUNCATE ON {LOG} FOR EACH STATEMENT", refuse_truncate),
    ]
    columns = _columns(cursor)
    for logged in logged_models():
        table = logged.model._meta.db_table
        if table not in columns:  # its migration has not run yet
            continue
        key = quoted(_key(logged))
        for name, when, body in _bodies(logged, columns[table]):
            function = Function(f"{PREFIX}{table}_{name}", "", "trigger", body)
            functions.append(function)
            triggers.append(Trigger(table, f"{PREFIX}{name}", f"{when} FOR EACH STATEMENT", function))
        on = quoted(table)
        triggers.append(
            Trigger(table, f"{PREFIX}truncate", f"BEFORE TRUNCATE ON {on} FOR EACH STATEMENT", refuse_truncate)
        )
        row_changes = f"BEFORE UPDATE OF {key} ON {on} FOR EACH ROW WHEN (OLD.{key} <> NEW.{key})"
        triggers.append(Trigger(table, f"{PREFIX}id", row_changes, refuse_new_id))
    return functions, triggers


def _bodies(logged: Logged, columns: list[Column]) -> Iterator[tuple[str, str, str]]:
    """(name, when, body) of each trigger function that writes."""
    on = quoted(logged.model._meta.db_table)
    told = [column for column in columns if column.name not in {*NEVER_LOGGED, *logged.skip, _key(logged)}]
    yield (
        "insert",
        f"AFTER INSERT ON {on} REFERENCING NEW TABLE AS new_rows",
        _written(f"SELECT {_whose(logged, 'n')}, 'insert', NULL, {_whole(told, 'n')}, {WHO} FROM new_rows n"),
    )
    yield (
        "update",
        f"AFTER UPDATE ON {on} REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows",
        _written(_difference(logged, told)),
    )
    yield (
        "delete",
        f"AFTER DELETE ON {on} REFERENCING OLD TABLE AS old_rows",
        _written(f"SELECT {_whose(logged, 'o')}, 'delete', {_whole(told, 'o')}, NULL, {WHO} FROM old_rows o"),
    )


def _written(selected: str) -> str:
    """A function body: the entries, and a word with whoever wrote some without saying who they are."""
    return f"""
DECLARE
    who jsonb := {PREFIX}who_acts();
BEGIN
    {INTO}
    {selected};
    IF FOUND AND who->>'door' = '{Door.DATABASE.value}' THEN
        PERFORM {PREFIX}require_actor(TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END
"""


def _difference(logged: Logged, columns: list[Column]) -> str:
    """The changed columns of each changed row. A child that moved is told of under both parents."""
    key = quoted(_key(logged))
    differ = {column: f"o.{quoted(column.name)} IS DISTINCT FROM n.{quoted(column.name)}" for column in columns}

    def changed(side: str) -> str:
        # As json: there ABSENT ON NULL drops SQL's null (unchanged) and keeps json's (null now); jsonb drops both.
        pairs = (
            f"{literal(column.name)}: CASE WHEN {differs} "
            f"THEN coalesce(to_json({side}.{quoted(column.name)}), 'null') END"
            for column, differs in differ.items()
        )
        return f"JSON_OBJECT({', '.join(pairs)} ABSENT ON NULL RETURNING json)::jsonb"

    if logged.parent_column is None:
        whose = _whose(logged, "n")
    else:
        parent = quoted(logged.parent_column)
        parents = f"CASE WHEN o.{parent} = n.{parent} THEN ARRAY[n.{parent}] ELSE ARRAY[o.{parent}, n.{parent}] END"
        whose = f"{literal(logged.parent or '')}, unnest({parents}), {literal(logged.kind)}, n.{key}"
    return (
        f"SELECT {whose}, 'update', {changed('o')}, {changed('n')}, {WHO} "
        f"FROM old_rows o JOIN new_rows n ON n.{key} = o.{key} WHERE {' OR '.join(differ.values())}"
    )


def _whole(columns: list[Column], side: str) -> str:
    pairs = (f"{literal(column.name)}: {column.value(side)}" for column in columns)
    return f"JSON_OBJECT({', '.join(pairs)} ABSENT ON NULL RETURNING jsonb)"


def _whose(logged: Logged, side: str) -> str:
    """kind, object_id, child_kind, child_id of a row."""
    key = f"{side}.{quoted(_key(logged))}"
    if logged.parent_column is None:
        return f"{literal(logged.kind)}, {key}, NULL::varchar, NULL::bigint"
    return f"{literal(logged.parent or '')}, {side}.{quoted(logged.parent_column)}, {literal(logged.kind)}, {key}"


def _key(logged: Logged) -> str:
    key = logged.model._meta.pk
    return (key.column if key is not None else None) or "id"


def _columns(cursor: Any) -> dict[str, list[Column]]:
    """Each table's own columns in their order, without generated ones."""
    cursor.execute(
        """
        SELECT c.relname, a.attname, format_type(a.atttypid, NULL), NOT a.attnotnull
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relkind IN ('r', 'p') AND pg_table_is_visible(c.oid)
          AND c.relnamespace <> 'pg_catalog'::regnamespace
          AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        ORDER BY c.relname, a.attnum
        """
    )
    columns: dict[str, list[Column]] = defaultdict(list)
    for table, name, type_name, can_be_null in cursor.fetchall():
        columns[table].append(Column(name, type_name, can_be_null))
    return columns


def _installed(cursor: Any) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Bodies of our functions by name; (table, trigger) with its state: "O" is on."""
    pattern = PREFIX.replace("_", r"\_") + "%"
    cursor.execute(
        "SELECT proname, prosrc FROM pg_proc WHERE proname LIKE %s AND pg_function_is_visible(oid)", [pattern]
    )
    bodies = dict(cursor.fetchall())
    cursor.execute(
        """
        SELECT c.relname, t.tgname, t.tgenabled FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE t.tgname LIKE %s AND NOT t.tgisinternal AND pg_table_is_visible(c.oid)
        """,
        [pattern],
    )
    return bodies, {(table, name): state for table, name, state in cursor.fetchall()}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
