"""The API's description of itself; no identity is asked for."""

from chargehand.web.call import Call, Routes
from chargehand.web.openapi.document import document_text
from chargehand.web.openapi.page import page
from chargehand.web.operations import Operation
from chargehand.web.responses import HttpResponse


async def openapi(_: Call) -> HttpResponse:
    return HttpResponse(200, document_text())


async def docs(_: Call) -> HttpResponse:
    return HttpResponse(200, page(), (("Content-Type", "text/html; charset=utf-8"),))


ROUTES: Routes = {Operation.OPENAPI: openapi, Operation.DOCS: docs}
