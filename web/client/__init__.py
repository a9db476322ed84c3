"""A Chargehand elsewhere, asked over HTTP by a Python program.

`client` says where it is; `over_http` sends requests over `connections`, again until they are
answered, as long as its `patience` lasts, each with a `whole_body`. `blocking` is the same for
programs without Trio.
"""
