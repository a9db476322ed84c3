"""What the public sees: one class per schema of the contract, made from states.

A field that is absent from an answer when unset has a default here; the encoder leaves defaults
out. Fields without a default are always present.
"""
