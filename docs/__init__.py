"""Scripts that write what stands here from the sources and the results, each by a command of the Makefile."""
