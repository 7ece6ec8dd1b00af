"""Recommendations over HTTP (extra `serve`): `app.make_app` gives an ASGI application, `fearec serve` runs it."""
