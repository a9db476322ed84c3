"""HTTP in, HTTP out.

A request's way: a `connection` has `parsing` make a request of bytes, and has the task that
answers take up its `exchange`. There `guard` lets it in with its body, `application` hands it to
`app` (Quart), which answers it in that task (`asgi`), and `framing` makes bytes of the answer. On
the Unix socket, what agents ask for all the time goes by the `lane/` instead.

`app` and lane make a `call.Call`, which is answered by the same rules (`answering`): the handler
of its operation (`routes/`) decodes the body to a command of the core (`requests/`, `bodies`,
`decoding`), asks the core, and gives a `responses.HttpResponse` made of `shapes/`. A refusal
becomes one by `problems`. `operations` is the one table of what is served, with the status codes
that each operation may answer; `openapi/` describes it.

`payloads/` is what the public sees of events, `bridges/` carries it to webhooks. `cli/` is a client
of the API and nothing more, `bench/` measures a server that runs; `process` is the server as a
process, `__main__` the program.
"""
