"""The terminal face: commands, their words, their exit codes. It decides nothing and computes nothing."""
