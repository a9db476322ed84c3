"""The command line: a thin client of the API, over the Unix socket or HTTP.

A command is a row (`verbs.Verb`) that says which operation it sends, with which `members`, and how
the answer is laid out (`shown`, `layouts`, `events`, `inspection`). The rows stand by their noun in
`nouns`, which `groups` puts under the program. `running` is what all commands have in common,
`target` says where the server is and who calls it. `client` carries a request, `watching`
repeats it or follows a stream, `failures` tells what went wrong, `again` what to call next. No rule
of the server is repeated here: what is wrong is said by the server.
"""
