"""The API's description of itself; no identity is asked for."""

from chargehand.web.call import Call, Handler, Routes
from chargehand.web.openapi.document import document_text
from chargehand.web.openapi.page import page
from chargehand.web.operations import Operation
from chargehand.web.responses import HttpResponse


def openapi_of(*, asks_token: bool) -> Handler:
    """The handler of a listener that asks for the server's token, or does not."""

    async def openapi(_: Call) -> HttpResponse:
        return HttpResponse(200, document_text(asks_token=asks_token))

    return openapi


async def docs(_: Call) -> HttpResponse:
    return HttpResponse(200, page(), (("Content-Type", "text/html; charset=utf-8"),))


ROUTES: Routes = {Operation.OPENAPI: openapi_of(asks_token=False), Operation.DOCS: docs}
