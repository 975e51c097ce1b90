"""The kinds of generators: finished videos, programs, Python callables, registered ones; and how each is spelled."""
