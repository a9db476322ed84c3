"""A request that has one effect, however often it is sent: `once` is its key and what it has done,
`keys` knows which are under way and which were done before, `repeats` answers it again."""
