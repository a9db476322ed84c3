"""The API described by itself: an OpenAPI 3.1 document and a page, made from the classes in use."""
