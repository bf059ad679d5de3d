"""The doctor: what is wrong with a site, line by line, and what to do about it (cli.md §5).

It looks and sends nothing; `mend` does what is safe.
"""
