"""The API's description of itself; no identity is asked for."""

from web.call import Call, Routes
from web.openapi.document import document_text
from web.openapi.page import page
from web.operations import Operation
from web.replies import Reply


async def openapi(_: Call) -> Reply:
    return Reply(200, document_text())


async def docs(_: Call) -> Reply:
    return Reply(200, page(), (("Content-Type", "text/html; charset=utf-8"),))


ROUTES: Routes = {Operation.OPENAPI: openapi, Operation.DOCS: docs}
