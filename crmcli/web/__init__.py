"""The database in a browser: Datasette over the documented views, to look at (cli.md §5)."""
