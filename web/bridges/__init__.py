"""Bridges as signed webhooks: how what `actors.bridges` has to tell looks and travels.

`configuration` reads the `[[bridges]]` of the server's settings. `body` is the JSON of a message,
`redacted` before it leaves; `signature` makes the headers of Standard Webhooks; `post` carries it
over HTTP, within the bridge's time and a bound on what comes back. `opening` puts them together,
and `on_demand` loads all that only where there are any.
"""
