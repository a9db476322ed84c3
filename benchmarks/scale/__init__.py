"""How starting, memory and the first claims grow with the tasks: `python -m benchmarks.scale`.

`families` makes a few tasks of each kind through commands. `pattern` takes what is stored of one
for a form in which ids, numbers and times are left open, and `clones` fills in such forms.
`importing` writes a directory of so many tasks in a realistic mix, and `measuring` has the program
serve it, kills it and watches it start again.
"""
