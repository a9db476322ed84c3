"""The API's description of itself; no identity is asked for."""

from web.call import Call, Routes
from web.openapi.document import document_text
from web.openapi.page import page
from web.operations import Operation
from web.responses import HttpResponse


async def openapi(_: Call) -> HttpResponse:
    return HttpResponse(200, document_text())


async def docs(_: Call) -> HttpResponse:
    return HttpResponse(200, page(), (("Content-Type", "text/html; charset=utf-8"),))


ROUTES: Routes = {Operation.OPENAPI: openapi, Operation.DOCS: docs}
