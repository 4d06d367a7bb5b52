"""One module for each table, found by its ``TABLE``; ``TABLES`` has them by name."""

import pkgutil
from importlib import import_module

from benchmarks.table import Table

_MODULES = sorted(module.name for module in pkgutil.iter_modules(__path__))
TABLES: dict[str, Table] = {table.name: table for table in (import_module(f"{__name__}.{module}").TABLE for module in _MODULES)}
