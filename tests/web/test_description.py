"""The description is served to everybody, and needs nothing from elsewhere."""

import re

from chargehand.web.operations import Operation


async def test_the_document_is_served_without_identity(client):
    answer = await client.send("GET", "/openapi.json")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json["paths"]) == {operation.path for operation in Operation}


async def test_the_page_shows_every_operation_and_fetches_nothing(client):
    answer = await client.app.test_client().get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    text = await answer.get_data(as_text=True)
    for operation in Operation:
        assert f"<code>{operation.method} {operation.path}</code>" in text
    text = text.replace('<link rel="icon" href="data:,">', "")  # so that no browser asks for one
    assert not re.search(r"<script|<link|<img|@import|https?://", text)


async def test_each_link_of_the_page_leads_somewhere_and_each_place_is_one(client):
    answer = await client.app.test_client().get("/docs")
    text = await answer.get_data(as_text=True)
    places = re.findall(r' id="([^"]+)"', text)
    assert len(set(places)) == len(places)
    assert set(re.findall(r'href="#([^"]+)"', text)) == set(places)
