"""Coverage-guided fuzzing of what reads foreign bytes: the configuration loader and the tensor reader."""
