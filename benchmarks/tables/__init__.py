"""One module for each table."""

from benchmarks.table import Table
from benchmarks.tables import answer_time, demonstration, kill_store, phantom_hardness, ward

TABLES: dict[str, Table] = {
    table.name: table
    for table in (demonstration.TABLE, phantom_hardness.TABLE, answer_time.TABLE, kill_store.TABLE, ward.TABLE)
}
