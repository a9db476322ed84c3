"""The shared side of a replicated journal, in PostgreSQL: one row that fences, a log, and tables.

Every write is one statement with its condition in it. Nothing rests on a session's state, advisory
locks or explicit transactions, so connection poolers may stand in between.
"""
