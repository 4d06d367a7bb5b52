"""Measurements of CrossLabel: tables of cells, each one resumable job whose result is committed."""
