"""The journal over a database that replicates: commits go there, reads are answered from near.

`shard` names what is asked of the database, `node` decides what to ask: who may write, what became
of a write whose answer was lost, and when another one takes over. Both are pure, so that thousands
of schedules of losses and crashes can be played through.
"""
