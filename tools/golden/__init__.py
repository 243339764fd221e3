"""Golden vectors, one family a file; see tools/make_golden.py."""
