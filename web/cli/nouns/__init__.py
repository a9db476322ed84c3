"""The rows of each noun: its commands, with what they send and how the answer is laid out."""
