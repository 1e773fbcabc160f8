"""The project's figures: ``python -m bench`` measures all of them, ``python -m bench NAME…`` some.

Each is a ratio within one run, or a share of time with everything else's share taken out, because absolute times say
more of a machine than of a program. None is a test: nothing passes or fails here. What each figure means and how it is
taken stands in docs/reference/figures.md.
"""
