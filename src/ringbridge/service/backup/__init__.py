"""All that Ringbridge has to have to be as it was: made, kept, put back."""
