"""How large, how long and how many at once."""
