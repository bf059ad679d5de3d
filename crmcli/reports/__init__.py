"""Reports: one module a report, query → Result, and the words and formulas that they share (spec: reports.md)."""
