"""How tasks hang together: `graph` answers and takes records in, `nodes` is what it knows, and
`effects` what a record of one task means for others.
"""
