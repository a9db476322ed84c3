"""Read models: what is asked over many tasks, folded from committed records by the publisher."""
