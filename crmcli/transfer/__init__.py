"""Import and export: rows from files into the tables and back (cli.md §5)."""
