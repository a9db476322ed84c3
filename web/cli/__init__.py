"""The command line: a thin client of the API, over the Unix socket or HTTP.

A command is a row (`verbs.Verb`) that says which operation it sends, with which `members`, and how
the answer is laid out (`shown`, `layouts`, `results`, `events`, `inspection`), in lines of
`layout`. The rows stand by their noun in `nouns`, which `groups` puts under the program, next to
what asks no server (`local`), works (`work`), or measures a server (`bench`). `meant` knows what a
misspelt command was to be, `completion` what a shell completes by.

`running` is what all commands have in common, `interrupts` how Ctrl-C ends them. `target` says
where the server is and who calls it, `misspelt` which variables were meant to. `client` carries a
request over a `connection`, `watching` repeats it or follows a stream, `deletion` deletes what
matches a filter, `bulk` does to many what is done to one (its rows are `bulk_verbs`), `failures`
says what went wrong, `holdups` what an answer waits for, `again` what to call next. No rule of the
server is repeated here: what is wrong is said by the server.

Little is loaded to start a command, so classes are named tuples here (see docs/adr/0024).
"""
