"""`chargehand demo`: a release of some sixty tasks, worked off by eight agents over HTTP.

`plan` is the work, `crew` the agents and the operator, `progress` what the event stream has shown,
`display` how that looks, `play` the whole evening: a server process on a temporary directory, the
play, and the summary. All of it goes through the public API, by the client of `web.client`; nothing
here reaches into the server.

With `--hold`, `aftermath` is the work that is left to a person afterwards (`timings` one large
result of it), and `holding` hands it in and keeps the agents at work.
"""
