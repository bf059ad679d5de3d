"""Rules: when something happens or time has passed, if conditions hold, then act (spec: rules.md)."""
