"""The pages of analytics: a question in an address, a report for each view, and files of it."""
