"""Customer and supplier relationship management for the terminal, cron and the mail server's pipe."""

__version__ = "0.1.0"
