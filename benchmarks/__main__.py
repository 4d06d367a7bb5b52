"""``python -m benchmarks``."""

from benchmarks.command import make_app
from benchmarks.tables import TABLES

make_app(TABLES)()
