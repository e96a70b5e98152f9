"""What `hubscape X` does, a module a command; its words are read in `cli`."""
