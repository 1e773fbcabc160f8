"""One module for each place of the page: what it reads, and its routes."""
