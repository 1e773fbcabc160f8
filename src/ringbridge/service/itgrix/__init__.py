"""From an Itgrix installation to ours."""
