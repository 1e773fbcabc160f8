"""The summary tables: kept with the journal, read by the pages of analytics."""
