"""Who looks at the page: accounts, sessions, and the guard before everything that shows an office."""
