"""What must survive a power cut: the journal of calls, the deliveries on their way to a CRM, settings and secrets.

Every function takes the transaction it works in as its first argument, so that a caller decides what is written
together: a call's journal row and its deliveries are one commit.
"""
