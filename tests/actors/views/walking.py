"""A walk through a list between whose pages things happen.

The store gives pages (`page`) and what the list holds (`ids`), and does what happens (`do`).
"""


def walked(store, which, limit, between) -> tuple[list[str], set[str]]:
    """What a walk shows between whose pages things happen, and what was there all along."""
    there = store.ids(which)
    shown, cursor = store.page(which, None, limit)
    for happens in between:
        for action, number in happens:
            store.do(action, number)
            there &= store.ids(which)
        if cursor is None:
            break
        rows, cursor = store.page(which, cursor, limit)
        shown += rows
    while cursor is not None:
        rows, cursor = store.page(which, cursor, limit)
        shown += rows
    return shown, there
