"""An Asterisk that plays recorded calls over its manager interface, in a loop, as if they happened now."""
