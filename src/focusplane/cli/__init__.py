"""The command line face: data to stdout, words to stderr, documented exit codes."""
