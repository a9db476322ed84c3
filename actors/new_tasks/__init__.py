"""Many tasks made by one request, with parents and dependencies among them: `item` is what is asked
for, `plan` puts them in order, and `creation` makes them, in one turn and by one commit."""
