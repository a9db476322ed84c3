"""A browser's session over a real connection, without a browser."""

from typing import Final

TOKEN: Final = "a token"


def test_a_session_stands_for_the_token(server):
    with server.start(f"--token={TOKEN}") as client:
        assert client.get("/api/tasks").status_code == 401
        assert client.get("/work").status_code == 200
        refused = client.post("/session", json={"token": "another"})
        assert (refused.status_code, "set-cookie" in refused.headers) == (401, False)
        opened = client.post("/session", json={"token": TOKEN})
        assert opened.status_code == 200
        for path in ("/api/tasks", "/docs", "/openapi.json", "/session"):
            assert client.get(path).status_code == 200, path
        write = {"scope": "global", "title": "From a page"}
        bare = client.post("/api/tasks", json=write)
        assert (bare.status_code, bare.json()["diagnostic"]["code"]) == (403, "origin_not_allowed")
        page = {"Origin": str(client.base_url).rstrip("/")}
        assert client.post("/api/tasks", json=write, headers=page).status_code == 201
        assert client.delete("/session", headers=page).status_code == 200
        assert client.get("/api/tasks").status_code == 401
